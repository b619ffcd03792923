import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { IntentdError } from './errors.js';

const temporaryName = /^\..+\.[0-9a-f]{12}\.tmp$/;

/**
 * Replaces a file so that a power cut leaves wholly the old or wholly the new one: temporary file
 * beside it, fsync, rename, fsync of the folder. The folder must exist.
 *
 * @throws IntentdError `not_a_file` where the path is a folder or a device, which a rename would replace
 */
export async function writeFileAtomic(
  path: string,
  data: Uint8Array | string,
  options: { readonly mode?: number } = {},
): Promise<void> {
  const present = await lstat(path).catch(absent);
  if (present !== undefined && !present.isFile() && !present.isSymbolicLink()) {
    throw new IntentdError('not_a_file', `${path} is there and is no regular file; name another path.`);
  }
  const temporary = temporaryBeside(path);
  try {
    await writeDurably(temporary, data, options.mode ?? 0o644);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(resolve(path)));
}

/**
 * Makes a folder with the given files (plain names) that appears whole or not at all. Missing parents
 * are made; an existing folder is only taken over if it is empty.
 *
 * @throws IntentdError `exists`
 */
export async function writeFolderAtomic(
  path: string,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  await fillFolderAtomic(path, async (temporary) => {
    for (const [name, data] of files) {
      await writeDurably(join(temporary, name), data, 0o644);
    }
  });
}

/**
 * `writeFolderAtomic` for files that are not in memory.
 *
 * @param fill writes the files into the folder it is given, each with fsync; where it throws, nothing is left
 * @throws IntentdError `exists`, or what `fill` throws
 */
export async function fillFolderAtomic(
  path: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(resolve(path));
  await makeFolder(parent);
  const temporary = temporaryBeside(path);
  try {
    await mkdir(temporary);
    await fill(temporary);
    await syncFolder(temporary);
    await renameFolder(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await syncFolder(parent);
}

/** Makes a folder and its missing parents, so that they survive a power cut; one that is there is kept. */
export async function makeFolder(path: string, options: { readonly mode?: number } = {}): Promise<void> {
  const full = resolve(path);
  const first = await mkdir(full, { recursive: true, ...options });
  if (first === undefined) return;
  for (let made = full; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Makes what was written to a file survive a power cut. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes renames and new names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes from a folder what a process that was killed left of files and folders that it was replacing. */
export async function removeTemporaries(folder: string): Promise<void> {
  const names = await readdir(folder).catch(absent);
  for (const name of names ?? []) {
    if (temporaryName.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function temporaryBeside(path: string): string {
  const full = resolve(path);
  return join(dirname(full), `.${basename(full)}.${randomBytes(6).toString('hex')}.tmp`);
}

async function writeDurably(path: string, data: Uint8Array | string, mode: number): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function renameFolder(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && isTaken(cause.code)) {
      throw new IntentdError('exists', `${to} exists already: choose another folder or remove it.`, {
        cause,
      });
    }
    throw cause;
  }
}

function isTaken(code: unknown): boolean {
  return code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR';
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
