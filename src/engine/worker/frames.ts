import { IntentdError } from '../../base/index.js';

/**
 * What daemon and worker say to each other: frames of a 32-bit length, an 8-bit kind, a 32-bit call
 * number and the body, all little-endian. The length counts what follows it.
 */
export interface Frame {
  readonly kind: number;
  readonly call: number;
  readonly body: Buffer;
}

export const frameKinds = {
  infer: 1,
  embed: 2,
  loadHead: 3,
  dropHead: 4,
  ping: 5,
  /** How long the plan that follows is, JSON; its bytes; and, once they were found right, what it is, JSON. */
  planBegin: 6,
  plan: 7,
  planEnd: 8,
  result: 128,
  failure: 129,
  ready: 130,
  /** What an engine for this worker depends on, JSON: it waits for a plan. */
  wanted: 131,
  /** A line for the log, JSON. */
  log: 132,
  /** How far a build is, JSON. */
  progress: 133,
  /** What was built, JSON; the plan follows. */
  report: 134,
} as const;

const headerBytes = 5;
export const maxFrameBytes = 256 * 1024 * 1024;
const known = new Set<number>(Object.values(frameKinds));

/** A frame as bytes; the parts of the body are written one behind the other. */
export function encodeFrame(kind: number, call: number, parts: readonly Uint8Array[]): Buffer[] {
  const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const head = Buffer.allocUnsafe(4 + headerBytes);
  head.writeUInt32LE(headerBytes + bytes, 0);
  head.writeUInt8(kind, 4);
  head.writeUInt32LE(call, 5);
  return [head, ...parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))];
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  /** What came and is no whole frame yet: put together once, when the frame is. */
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Bytes without which no frame is complete. */
  #needed = 4;

  /**
   * The frames that are complete with this chunk.
   *
   * @throws IntentdError `bad_frame` for a length or a kind that no frame has
   */
  push(chunk: Buffer): Frame[] {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return [];
    let waiting = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    const frames: Frame[] = [];
    this.#needed = 4;
    while (waiting.length >= 4) {
      const length = waiting.readUInt32LE(0);
      if (length < headerBytes || length > maxFrameBytes) {
        throw new IntentdError('bad_frame', `A frame claims ${length} bytes; that is no frame.`);
      }
      this.#needed = 4 + length;
      if (waiting.length < this.#needed) break;
      frames.push(frameOf(waiting.subarray(4, this.#needed)));
      waiting = waiting.subarray(this.#needed);
      this.#needed = 4;
    }
    this.#pieces = waiting.length === 0 ? [] : [waiting];
    this.#bytes = waiting.length;
    return frames;
  }
}

function frameOf(bytes: Buffer): Frame {
  const kind = bytes.readUInt8(0);
  if (!known.has(kind)) {
    throw new IntentdError('bad_frame', `A frame is of kind ${kind}, which there is not.`);
  }
  return { kind, call: bytes.readUInt32LE(1), body: bytes.subarray(headerBytes) };
}
