import { IntentdError } from '../../base/index.js';

const lineEnd = 0x0a;

/** Cuts a stream of bytes into lines; empty ones are passed over. */
export class LineReader {
  readonly #maxBytes: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  /** @param maxBytes longest line, without its end */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The lines that are complete with this chunk, without their ends.
   *
   * @throws IntentdError `too_large` as soon as a line is too long; the stream is of no use then
   */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = chunk.indexOf(lineEnd); end >= 0; end = chunk.indexOf(lineEnd, from)) {
      this.#keep(chunk.subarray(from, end));
      if (this.#waitingBytes > 0) lines.push(Buffer.concat(this.#waiting));
      this.#waiting = [];
      this.#waitingBytes = 0;
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#waitingBytes += part.length;
    if (this.#waitingBytes > this.#maxBytes) {
      throw new IntentdError('too_large', `A line is longer than ${this.#maxBytes} bytes.`);
    }
    if (part.length > 0) this.#waiting.push(part);
  }
}
