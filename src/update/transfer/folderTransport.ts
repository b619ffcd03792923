import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { IntentdError, messageOf, readRegularFile } from '../../base/index.js';
import { checkedPath } from '../trust/index.js';
import type { StoredFile, TakePiece, Transport } from './transport.js';

const pieceBytes = 1 << 18;

/** A folder or a medium that holds a repository. */
export class FolderTransport implements Transport {
  readonly name: string;

  constructor(folder: string) {
    this.name = folder;
  }

  async read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const name = join(this.name, checkedPath(path));
    const size = await sizeOf(name);
    if (size === undefined) return undefined;
    if (size > maxBytes) {
      throw new IntentdError(
        'too_large',
        `${name} is ${size} bytes long, and at most ${maxBytes} were expected.`,
      );
    }
    return readRegularFile(name, { maxBytes, name, signal });
  }

  async stream({ path, bytes }: StoredFile, from: number, take: TakePiece, signal: AbortSignal) {
    const name = join(this.name, checkedPath(path));
    const handle = await openFile(name);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new IntentdError('bad_file', `${name} is not a regular file.`);
      if (stat.size !== bytes) {
        const text = `${name} is ${stat.size} bytes long, and trusted metadata says ${bytes}.`;
        throw new IntentdError(stat.size > bytes ? 'too_large' : 'untrusted', text);
      }
      await this.#pieces(handle, name, { from, bytes }, take, signal);
    } finally {
      await handle.close();
    }
  }

  rest(): void {
    // Nothing stays open.
  }

  async #pieces(
    handle: FileHandle,
    name: string,
    { from, bytes }: { from: number; bytes: number },
    take: TakePiece,
    signal: AbortSignal,
  ): Promise<void> {
    const buffer = new Uint8Array(pieceBytes);
    for (let offset = from; offset < bytes;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle
        .read(buffer, 0, Math.min(pieceBytes, bytes - offset), offset)
        .catch(gone);
      if (bytesRead === 0) {
        throw new IntentdError('unreachable', `${name} became shorter while it was read.`);
      }
      await take(buffer.subarray(0, bytesRead), offset);
      offset += bytesRead;
    }
  }
}

async function sizeOf(name: string): Promise<number | undefined> {
  try {
    return (await lstat(name)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return gone(error);
  }
}

async function openFile(name: string): Promise<FileHandle> {
  try {
    return await open(name, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOOP') return gone(error);
    throw new IntentdError('bad_file', `${name} is a symbolic link where a regular file was expected.`, {
      cause: error,
    });
  }
}

/** A medium that was pulled out, or has a fault: it may come back. */
function gone(cause: unknown): never {
  throw new IntentdError('unreachable', `The repository cannot be read: ${messageOf(cause)}.`, { cause });
}
