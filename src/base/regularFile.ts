import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { IntentdError, messageOf } from './errors.js';

/** Bytes are read, hashed and handed on in pieces of this size, so that other work gets its turn. */
const pieceBytes = 1 << 20;

export interface ReadOptions {
  /** Larger files are refused before anything of them is read. */
  readonly maxBytes: number;
  /** What error messages call the file; its path if absent. */
  readonly name?: string;
  /** Ends the reading with its reason, between two pieces. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a whole regular file into memory of its own (so typed arrays can lie over it).
 *
 * Symbolic links, devices, pipes and folders are refused without being followed or waited for.
 *
 * @throws IntentdError `bad_file`
 */
export async function readRegularFile(path: string, options: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  return withRegularFile(path, options, async (file) => {
    const bytes = new Uint8Array(file.size);
    await eachPiece(file, (piece, offset) => {
      bytes.set(piece, offset);
    });
    return bytes;
  });
}

/** `readRegularFile`, together with the SHA-256 of exactly the bytes it returns. */
export async function readHashedFile(
  path: string,
  options: ReadOptions,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly sha256: string }> {
  return withRegularFile(path, options, async (file) => {
    const bytes = new Uint8Array(file.size);
    const hash = createHash('sha256');
    await eachPiece(file, (piece, offset) => {
      bytes.set(piece, offset);
      hash.update(piece);
    });
    return { bytes, sha256: hash.digest('hex') };
  });
}

/** SHA-256 of a regular file of any size, without holding it in memory. */
export async function sha256OfFile(path: string, options: ReadOptions): Promise<string> {
  return withRegularFile(path, options, async (file) => {
    const hash = createHash('sha256');
    await eachPiece(file, (piece) => {
      hash.update(piece);
    });
    return hash.digest('hex');
  });
}

/**
 * Hands over the bytes of a regular file of any size, in order and without holding more than a piece; a piece
 * is valid until `take` is done with it.
 *
 * @throws IntentdError `bad_file`, or what `take` throws
 */
export async function eachPieceOfFile(
  path: string,
  options: ReadOptions,
  take: (piece: Uint8Array, offset: number, size: number) => unknown,
): Promise<void> {
  await withRegularFile(path, options, (file) =>
    eachPiece(file, (piece, offset) => take(piece, offset, file.size)),
  );
}

/**
 * Copies a regular file of any size to `target`, which must not exist, read-only and with fsync.
 *
 * @returns the SHA-256 of exactly the bytes that were written
 * @throws IntentdError `bad_file`
 */
export async function copyHashedFile(path: string, target: string, options: ReadOptions): Promise<string> {
  return withRegularFile(path, options, async (file) => {
    const hash = createHash('sha256');
    const copy = await open(target, 'wx', 0o444);
    try {
      await eachPiece(file, async (piece) => {
        hash.update(piece);
        await copy.writeFile(piece);
      });
      await copy.sync();
    } finally {
      await copy.close();
    }
    return hash.digest('hex');
  });
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

async function withRegularFile<T>(
  path: string,
  options: ReadOptions,
  use: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const name = options.name ?? path;
  const handle = await openWithoutFollowing(path, name);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      throw new IntentdError('bad_file', `${name} is not a regular file.`);
    }
    if (stat.size > options.maxBytes) {
      throw new IntentdError(
        'bad_file',
        `${name} is ${stat.size} bytes long, and at most ${options.maxBytes} were expected.`,
      );
    }
    return await use({ handle, size: stat.size, name, signal: options.signal });
  } finally {
    await handle.close();
  }
}

async function openWithoutFollowing(path: string, name: string): Promise<FileHandle> {
  try {
    // O_NONBLOCK: opening a pipe that nobody writes must not wait.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const reason =
      code === 'ENOENT'
        ? 'is missing'
        : code === 'ELOOP'
          ? 'is a symbolic link where a regular file was expected'
          : `cannot be opened (${messageOf(cause)})`;
    throw new IntentdError('bad_file', `${name} ${reason}.`, { cause });
  }
}

/** Hands over the file's bytes in order; a file that changes its length meanwhile is refused. */
async function eachPiece(
  file: OpenFile,
  take: (piece: Uint8Array, offset: number) => unknown,
): Promise<void> {
  const buffer = new Uint8Array(Math.min(pieceBytes, file.size + 1));
  let offset = 0;
  for (;;) {
    file.signal?.throwIfAborted();
    const { bytesRead } = await file.handle.read(buffer, 0, buffer.length, offset);
    if (offset + bytesRead > file.size || (bytesRead === 0 && offset < file.size)) {
      throw new IntentdError('bad_file', `${file.name} changed its length while it was read.`);
    }
    if (bytesRead === 0) {
      return;
    }
    await take(buffer.subarray(0, bytesRead), offset);
    offset += bytesRead;
  }
}

/** Whether reading failed because there is no such file. */
export function isMissingFile(error: unknown): boolean {
  if (!(error instanceof IntentdError) || !(error.cause instanceof Error)) return false;
  return 'code' in error.cause && error.cause.code === 'ENOENT';
}
