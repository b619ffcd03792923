import type { Source } from '../trust/index.js';

/** Takes the bytes of a file in order; a piece is valid until the promise resolves. */
export type TakePiece = (piece: Uint8Array, offset: number) => Promise<void>;

/** A file of a repository, and its length as trusted metadata says it. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
}

/** A way to a repository. */
export interface Transport extends Source {
  /** What people know it by: its URL or folder. */
  readonly name: string;
  /**
   * Hands over a file from a byte on to its end. Where a server cannot begin there, the first piece has offset 0
   * and what was there counts no more.
   *
   * @throws IntentdError `unreachable` (worth another try later), `untrusted` where its length is another,
   *   `too_large`; or the signal's reason, or what `take` throws
   */
  stream(file: StoredFile, from: number, take: TakePiece, signal: AbortSignal): Promise<void>;
  /** Lets go of connections; it can be used again. */
  rest(): void;
}
