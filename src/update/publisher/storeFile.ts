import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { IntentdError, copyHashedFile, sha256OfFile, syncFolder } from '../../base/index.js';
import type { Repository } from './repository.js';

export const maxTargetBytes = 1 << 30;

/**
 * Copies a file to its place among the targets, unless it is there.
 *
 * @param stored path in the repository
 * @throws IntentdError `bad_bundle` where it is not what `expected` says, `bad_file`
 */
export async function storeFile(
  repository: Repository,
  from: string,
  stored: string,
  expected: string,
): Promise<void> {
  const place = await repository.placeFor(stored);
  if ((await digestIfThere(place)) === expected) return;
  const temporary = `${place}.new`;
  await rm(temporary, { force: true });
  const found = await copyHashedFile(from, temporary, { maxBytes: maxTargetBytes, name: from });
  if (found !== expected) {
    await rm(temporary, { force: true });
    throw new IntentdError('bad_bundle', `${from} changed while it was read.`);
  }
  await rename(temporary, place);
  await syncFolder(dirname(place));
}

async function digestIfThere(path: string): Promise<string | undefined> {
  try {
    return await sha256OfFile(path, { maxBytes: maxTargetBytes });
  } catch (error) {
    if (error instanceof IntentdError && error.code === 'bad_file') return undefined;
    throw error;
  }
}
