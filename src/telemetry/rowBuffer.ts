import type { RequestRow } from './row.js';

const rowsPerPiece = 1024;
const numbersPerRow = 14;
const wordsPerRow = 8;
/** Of each piece to begin with: an id a row. */
const firstBytes = 32 * rowsPerPiece;
const lengthBytes = 4;

/**
 * Rows that wait, oldest first, without an object for each: thousands that live for seconds would be copied from
 * generation to generation by the collector of garbage, which cost more than writing them. Figures lie in arrays of
 * numbers, ids and texts as bytes; the other words are few, and shared by all rows.
 */
export class RowBuffer {
  readonly #most: number;
  #pieces: RowPiece[] = [];
  /** How many rows of the first piece are gone. */
  #gone = 0;
  #count = 0;
  /** Kept for the next rows, so that a steady load allocates nothing. */
  #spare: RowPiece | undefined;

  /** @param most rows that there is room for */
  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  /** @returns false where there is no room */
  add(row: RequestRow): boolean {
    if (this.#count >= this.#most) return false;
    const at = this.#gone + this.#count;
    if (at === this.#pieces.length * rowsPerPiece) this.#grow();
    this.#pieces[Math.floor(at / rowsPerPiece)]!.put(at % rowsPerPiece, row);
    this.#count += 1;
    return true;
  }

  /** The row at a place, 0 is the oldest; made anew each time. */
  at(place: number): RequestRow {
    const at = this.#gone + place;
    return this.#pieces[Math.floor(at / rowsPerPiece)]!.get(at % rowsPerPiece);
  }

  /** Forgets so many of the oldest. */
  drop(count: number): void {
    this.#count -= count;
    this.#gone += count;
    const done = this.#count === 0 ? this.#pieces.length : Math.floor(this.#gone / rowsPerPiece);
    const [first] = this.#pieces.splice(0, done);
    this.#gone = this.#count === 0 ? 0 : this.#gone - done * rowsPerPiece;
    if (first === undefined) return;
    first.clear();
    this.#spare = first;
  }

  #grow(): void {
    this.#pieces.push(this.#spare ?? new RowPiece());
    this.#spare = undefined;
  }
}

/** Room for some rows; what is `null` is NaN among numbers. */
class RowPiece {
  readonly #numbers = new Float64Array(rowsPerPiece * numbersPerRow);
  readonly #words = new Array<string | null>(rowsPerPiece * wordsPerRow).fill(null);
  /** Where in the bytes the id and the text of a row begin; −1 where there is none. */
  readonly #texts = new Int32Array(rowsPerPiece * 2);
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #end = 0;

  put(at: number, row: RequestRow): void {
    const numbers = this.#numbers;
    let number = at * numbersPerRow;
    numbers[number++] = row.time;
    numbers[number++] = row.confidence ?? NaN;
    numbers[number++] = row.outOfScope ? 1 : 0;
    numbers[number++] = row.tokens;
    numbers[number++] = row.bucket ?? NaN;
    numbers[number++] = row.batchSize;
    numbers[number++] = row.queueUs;
    numbers[number++] = row.tokenizeUs;
    numbers[number++] = row.inferUs;
    numbers[number++] = row.gpuUs ?? NaN;
    numbers[number++] = row.totalUs;
    numbers[number++] = row.energyMj ?? NaN;
    numbers[number++] = row.aboveIdleMj ?? NaN;
    numbers[number] = row.sampleMs ?? NaN;
    const words = this.#words;
    let word = at * wordsPerRow;
    words[word++] = row.dialect;
    words[word++] = row.model;
    words[word++] = row.version;
    words[word++] = row.engine;
    words[word++] = row.intent;
    words[word++] = row.energyHow;
    words[word++] = row.meter;
    words[word] = row.error;
    this.#texts[2 * at] = this.#write(row.requestId);
    this.#texts[2 * at + 1] = row.text === null ? -1 : this.#write(row.text);
  }

  get(at: number): RequestRow {
    const numbers = this.#numbers;
    const words = this.#words;
    const number = at * numbersPerRow;
    const word = at * wordsPerRow;
    return {
      time: numbers[number]!,
      requestId: this.#read(this.#texts[2 * at]!)!,
      dialect: words[word]!,
      model: words[word + 1]!,
      version: words[word + 2]!,
      engine: words[word + 3]!,
      intent: words[word + 4]!,
      confidence: orNull(numbers[number + 1]!),
      outOfScope: numbers[number + 2] === 1,
      tokens: numbers[number + 3]!,
      bucket: orNull(numbers[number + 4]!),
      batchSize: numbers[number + 5]!,
      queueUs: numbers[number + 6]!,
      tokenizeUs: numbers[number + 7]!,
      inferUs: numbers[number + 8]!,
      gpuUs: orNull(numbers[number + 9]!),
      totalUs: numbers[number + 10]!,
      energyMj: orNull(numbers[number + 11]!),
      aboveIdleMj: orNull(numbers[number + 12]!),
      energyHow: words[word + 5]!,
      meter: words[word + 6]!,
      sampleMs: orNull(numbers[number + 13]!),
      error: words[word + 7]!,
      text: this.#read(this.#texts[2 * at + 1]!),
    };
  }

  /** Makes room for other rows; what long texts took is given back. */
  clear(): void {
    this.#words.fill(null);
    this.#end = 0;
    if (this.#bytes.length > firstBytes) this.#bytes = Buffer.allocUnsafeSlow(firstBytes);
  }

  #write(text: string): number {
    const start = this.#end;
    const most = start + lengthBytes + 3 * text.length;
    if (most > this.#bytes.length) this.#widen(most);
    const length = this.#bytes.write(text, start + lengthBytes);
    this.#bytes.writeUInt32LE(length, start);
    this.#end = start + lengthBytes + length;
    return start;
  }

  #read(start: number): string | null {
    if (start < 0) return null;
    const from = start + lengthBytes;
    return this.#bytes.toString('utf8', from, from + this.#bytes.readUInt32LE(start));
  }

  #widen(least: number): void {
    const wider = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.#bytes.length));
    this.#bytes.copy(wider, 0, 0, this.#end);
    this.#bytes = wider;
  }
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
