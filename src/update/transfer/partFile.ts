import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IntentdError, syncFolder } from '../../base/index.js';
import type { PlannedFile } from './plan.js';

const pieceBytes = 1 << 20;

/** Name of a file while it is not whole; no file of a bundle can have it, for theirs begin with no dot. */
export function partNameOf(name: string): string {
  return `.${name}.part`;
}

/**
 * A file on its way here. What an earlier call left is read once and hashed on from; it gets its own name only
 * when it is whole, synced and has the right SHA-256.
 */
export class PartFile {
  readonly path: string;
  readonly #folder: string;
  readonly #file: PlannedFile;
  readonly #handle: FileHandle;
  #hash: Hash = createHash('sha256');
  #have = 0;
  #resumed = false;

  private constructor(folder: string, file: PlannedFile, handle: FileHandle) {
    this.path = join(folder, partNameOf(file.name));
    this.#folder = folder;
    this.#file = file;
    this.#handle = handle;
  }

  static async open(folder: string, file: PlannedFile, signal: AbortSignal): Promise<PartFile> {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    const handle = await open(join(folder, partNameOf(file.name)), O_RDWR | O_CREAT | O_NOFOLLOW, 0o644);
    const part = new PartFile(folder, file, handle);
    try {
      await part.#readOn(signal);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return part;
  }

  /** Bytes that are here, from the beginning. */
  get have(): number {
    return this.#have;
  }

  /** Whether some of its bytes are of an earlier call. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /**
   * Takes bytes at their place, which is where it ends, or 0 to begin anew.
   *
   * @throws IntentdError `too_large` before anything beyond its length is written
   */
  async write(piece: Uint8Array, offset: number): Promise<void> {
    if (offset === 0 && this.#have > 0) await this.restart();
    if (offset !== this.#have)
      throw new IntentdError('internal', `A piece of ${this.#file.name} is missing.`);
    if (offset + piece.length > this.#file.bytes) {
      throw new IntentdError(
        'too_large',
        `${this.#file.name} does not end after the ${this.#file.bytes} bytes that trusted metadata says.`,
      );
    }
    for (let at = 0; at < piece.length;) {
      const { bytesWritten } = await this.#handle.write(piece, at, piece.length - at, offset + at);
      at += bytesWritten;
    }
    this.#hash.update(piece);
    this.#have += piece.length;
  }

  /** Forgets what is here. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#have = 0;
    this.#resumed = false;
  }

  /** Whether every byte is here, and as the manifest says. */
  isRight(): boolean {
    return this.#have === this.#file.bytes && this.#hash.copy().digest('hex') === this.#file.sha256;
  }

  /** Makes it the file of its name, read-only, so that a power cut cannot take it back. */
  async keep(): Promise<void> {
    await this.#handle.chmod(0o444);
    await this.#handle.sync();
    await rename(this.path, join(this.#folder, this.#file.name));
    await syncFolder(dirname(this.path));
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #readOn(signal: AbortSignal): Promise<void> {
    const stat = await this.#handle.stat();
    if (!stat.isFile() || stat.size > this.#file.bytes) {
      await this.#handle.truncate(0);
      return;
    }
    const buffer = new Uint8Array(Math.min(pieceBytes, stat.size));
    while (this.#have < stat.size) {
      signal.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#have);
      if (bytesRead === 0) break;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#have += bytesRead;
    }
    this.#resumed = this.#have > 0;
  }
}
