import { realpath, stat } from 'node:fs/promises';
import { IntentdError, messageOf, readRegularFile } from '../../base/index.js';

/** Whether something lies under that path and is a file. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (cause) {
    if (isMissing(cause)) return false;
    throw new IntentdError('bad_file', `${path} cannot be read (${messageOf(cause)}).`, { cause });
  }
}

/**
 * Reads a file that the caller named. Links are followed: Hugging Face's cache is made of them.
 *
 * @throws IntentdError `bad_file`
 */
export async function readInput(path: string, maxBytes: number): Promise<Uint8Array> {
  let target: string;
  try {
    target = await realpath(path);
  } catch (cause) {
    const reason = isMissing(cause) ? 'is missing' : `cannot be read (${messageOf(cause)})`;
    throw new IntentdError('bad_file', `${path} ${reason}.`, { cause });
  }
  return readRegularFile(target, { maxBytes, name: path });
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR');
}
