import { IntentdError } from '../base/index.js';

/** Values up to this are told apart; larger ones share steps of under 1 % (two significant digits). */
const halfCount = 128;
const halfMagnitude = 7;
const significantDigits = 2;
export const maxRecordable = 2 ** 31 - 1;

const cookie = 0x1c849313;
const headerBytes = 40;
const mostBytesPerCount = 5;

/**
 * Counts of whole values from 0 to 2³¹−1, in the layout of HdrHistogram with two significant digits: every
 * quantile is right to 1 %, however far out it lies. `encode` gives HdrHistogram's own V2 bytes, uncompressed.
 */
export class Histogram {
  #counts: Uint32Array;
  /** Behind the last count that is not zero. */
  #end = 0;
  #total = 0;

  constructor() {
    this.#counts = new Uint32Array(8 * halfCount);
  }

  static decode(bytes: Uint8Array): Histogram {
    const histogram = new Histogram();
    histogram.addEncoded(bytes);
    return histogram;
  }

  get count(): number {
    return this.#total;
  }

  record(value: number, count = 1): void {
    this.#add(indexOf(Math.min(maxRecordable, Math.max(0, Math.round(value)))), count);
  }

  /** Adds the counts of another histogram. */
  merge(other: Histogram): void {
    for (let index = 0; index < other.#end; index++) {
      const count = other.#counts[index]!;
      if (count > 0) this.#add(index, count);
    }
  }

  /** Forgets everything, and keeps its memory. */
  clear(): void {
    this.#counts.fill(0, 0, this.#end);
    this.#end = 0;
    this.#total = 0;
  }

  /** The highest value that stands for the one that `percent` of all do not exceed; `null` where there are none. */
  percentile(percent: number): number | null {
    if (this.#total === 0) return null;
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.#total));
    let seen = 0;
    for (let at = 0; at < this.#end; at++) {
      seen += this.#counts[at]!;
      if (seen >= wanted) return highestOf(at);
    }
    return null;
  }

  /** How many values lie at or under `value`, to the step that holds it. */
  countUpTo(value: number): number {
    let seen = 0;
    for (let at = 0; at < this.#end && highestOf(at) <= value; at++) seen += this.#counts[at]!;
    return seen;
  }

  /** HdrHistogram V2: counts as ZigZag LEB128, runs of zeros as negative numbers. */
  encode(): Buffer {
    const bytes = scratchFor(headerBytes + this.#end * mostBytesPerCount);
    let next = headerBytes;
    let zeros = 0;
    for (let at = 0; at < this.#end; at++) {
      const count = this.#counts[at]!;
      if (count === 0) zeros += 1;
      else {
        if (zeros > 0) next = writeZigZag(bytes, next, zeros === 1 ? 0 : -zeros);
        zeros = 0;
        next = writeZigZag(bytes, next, count);
      }
    }
    bytes.fill(0, 0, headerBytes);
    bytes.writeInt32BE(cookie, 0);
    bytes.writeInt32BE(next - headerBytes, 4);
    bytes.writeInt32BE(significantDigits, 12);
    bytes.writeBigInt64BE(1n, 16);
    bytes.writeBigInt64BE(BigInt(maxRecordable), 24);
    bytes.writeDoubleBE(1, 32);
    return Buffer.from(bytes.subarray(0, next));
  }

  /** @throws IntentdError `bad_histogram` for bytes that `encode` did not write */
  addEncoded(bytes: Uint8Array): void {
    if (
      bytes.length < headerBytes ||
      int32At(bytes, 0) !== cookie ||
      int32At(bytes, 12) !== significantDigits
    ) {
      throw new IntentdError('bad_histogram', 'A stored histogram is not one that intentd wrote.');
    }
    let index = 0;
    for (let at = headerBytes; at < bytes.length;) {
      let raw = 0;
      let byte = 0x80;
      for (let scale = 1; byte >= 0x80; scale *= 0x80) {
        if (at >= bytes.length) {
          throw new IntentdError('bad_histogram', 'A stored histogram ends within a number.');
        }
        byte = bytes[at++]!;
        raw += (byte & 0x7f) * scale;
      }
      // ZigZag: even numbers are counts, odd ones stand for so many zeros, 0 for one.
      if (raw === 0) index += 1;
      else if (raw % 2 === 0) this.#add(index++, raw / 2);
      else index += (raw + 1) / 2;
    }
  }

  #add(index: number, count: number): void {
    if (index >= this.#counts.length) {
      const grown = new Uint32Array(Math.max(2 * this.#counts.length, index + 1));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    this.#counts[index]! += count;
    this.#total += count;
    if (index >= this.#end) this.#end = index + 1;
  }
}

function indexOf(value: number): number {
  const bucket = Math.max(0, 32 - Math.clz32(value) - halfMagnitude - 1);
  return (bucket << halfMagnitude) + (value >>> bucket);
}

function highestOf(index: number): number {
  const bucket = Math.max(0, (index >> halfMagnitude) - 1);
  return (index - (bucket << halfMagnitude) + 1) * 2 ** bucket - 1;
}

/** @returns where the next number begins */
function writeZigZag(bytes: Buffer, start: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let at = start;
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[at++] = rest;
  return at;
}

/** Hundreds are encoded with each commit: one piece of memory serves them all. */
let scratch = Buffer.alloc(0);

function scratchFor(bytes: number): Buffer {
  if (scratch.length < bytes) scratch = Buffer.allocUnsafeSlow(2 * bytes);
  return scratch;
}

function int32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
