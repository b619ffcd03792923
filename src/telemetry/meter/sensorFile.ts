import { close, open, read } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { IntentdError } from '../../base/index.js';

const longestNumber = 32;

/**
 * A file of the kernel that holds one whole number, kept open and read again and again. The kernel may
 * take its time for a reading: it is done by a thread of the pool, never on the event loop.
 */
export class SensorFile {
  readonly #path: string;
  readonly #buffer = Buffer.allocUnsafe(longestNumber);
  #descriptor: number | undefined;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws IntentdError `bad_reading` where it is gone or holds something else than a whole number */
  async read(): Promise<number> {
    try {
      this.#descriptor ??= await this.#open();
      return this.#parse(await this.#bytes(this.#descriptor));
    } catch (error) {
      this.close();
      this.#closed = false;
      throw error instanceof IntentdError ? error : this.#bad((error as Error).message);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#descriptor !== undefined) closeLater(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(): Promise<number> {
    return new Promise((resolve, reject) => {
      open(this.#path, 'r', (error, descriptor) => {
        if (error !== null) reject(error);
        else if (this.#closed) {
          closeLater(descriptor);
          reject(this.#bad('it was closed'));
        } else resolve(descriptor);
      });
    });
  }

  #bytes(descriptor: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(descriptor, this.#buffer, 0, longestNumber, 0, (error, bytes) => {
        if (error === null) resolve(bytes);
        else reject(error);
      });
    });
  }

  #parse(bytes: number): number {
    const text = this.#buffer.toString('latin1', 0, bytes).trimEnd();
    if (!/^-?\d{1,18}$/.test(text)) throw this.#bad(`${JSON.stringify(text)} is no whole number`);
    return Number(text);
  }

  #bad(what: string): IntentdError {
    return new IntentdError('bad_reading', `${this.#path} cannot be read: ${what.replace(/\.$/, '')}.`);
  }
}

/** The text of a small file of the kernel without its end of line; `''` where there is none. */
export async function textOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\0/g, '').trim();
  } catch {
    // Sensors differ from board to board: what is not there is not there.
    return '';
  }
}

/** Names in a folder, in order; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  } catch {
    return [];
  }
}

function closeLater(descriptor: number): void {
  close(descriptor, () => undefined);
}
