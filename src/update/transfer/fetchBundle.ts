import { link, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import {
  IntentdError,
  copyHashedFile,
  sha256OfFile,
  syncFolder,
  writeFileAtomic,
  type Logger,
} from '../../base/index.js';
import { manifestFile } from '../../model/index.js';
import { diskFull, isDiskFull } from '../diskFull.js';
import type { FetchOptions } from '../ports.js';
import { PartFile, partNameOf } from './partFile.js';
import type { BundlePlan, PlannedFile } from './plan.js';
import type { Transport } from './transport.js';

/** What stays free for everything else that writes. */
const reserveBytes = 16 << 20;

export interface FetchContext {
  readonly transport: Transport;
  readonly log: Logger;
  /** Of the call, its deadline included. */
  readonly signal: AbortSignal;
  readonly options: Pick<FetchOptions, 'folder' | 'owned' | 'onProgress'>;
}

/**
 * Brings the files of a bundle into a folder: what is there stays, what is on the device is linked or copied, the
 * rest travels. The manifest comes last.
 *
 * @throws IntentdError `disk_full`, after which nothing of this call is left; `unreachable`, `untrusted`,
 *   `too_large`, after which what was verified and what began to come is kept for the next call
 */
export async function fetchBundle(plan: BundlePlan, context: FetchContext): Promise<void> {
  const { folder } = context.options;
  await mkdir(folder, { recursive: true });
  await removeStrangers(folder, plan);
  const before = new Set(await readdir(folder));
  try {
    await bringFiles(plan, context);
    await writeFileAtomic(join(folder, manifestFile), plan.manifestBytes, { mode: 0o444 });
  } catch (error) {
    if (!isDiskFull(error) && !(error instanceof IntentdError && error.code === 'disk_full')) throw error;
    for (const name of await readdir(folder)) {
      if (!before.has(name)) await rm(join(folder, name), { force: true });
    }
    throw isDiskFull(error) ? diskFull(`a bundle of ${plan.totalBytes} bytes`, error) : error;
  }
}

/** The folder is for this bundle alone: a stranger in it would make the whole bundle refused. */
async function removeStrangers(folder: string, { files }: BundlePlan): Promise<void> {
  const known = new Set([manifestFile, ...files.flatMap(({ name }) => [name, partNameOf(name)])]);
  for (const name of await readdir(folder)) {
    if (!known.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function bringFiles(plan: BundlePlan, context: FetchContext): Promise<void> {
  const { options, signal } = context;
  const progress = { haveBytes: 0, totalBytes: plan.totalBytes, fetchedBytes: plan.manifestBytes.length };
  const tell = (have: number, fetched: number): void => {
    progress.haveBytes += have;
    progress.fetchedBytes += fetched;
    options.onProgress({ ...progress });
  };
  tell(plan.manifestBytes.length, 0);
  const absent: PlannedFile[] = [];
  for (const file of plan.files) {
    if (await isHere(options.folder, file, signal)) tell(file.bytes, 0);
    else absent.push(file);
  }
  const travelling: PlannedFile[] = [];
  for (const file of absent) {
    if (await takeOwned(file, context)) tell(file.bytes, 0);
    else travelling.push(file);
  }
  await checkRoom(options.folder, travelling);
  for (const file of travelling) {
    // Two names for the same bytes: the first has brought them.
    const twin = plan.files.find((one) => one.sha256 === file.sha256 && one.name !== file.name);
    if (twin !== undefined && (await takeFrom(join(options.folder, twin.name), file, context))) {
      tell(file.bytes, 0);
    } else {
      await travel(file, context, tell);
    }
  }
}

async function isHere(
  folder: string,
  { name, bytes, sha256 }: PlannedFile,
  signal: AbortSignal,
): Promise<boolean> {
  const path = join(folder, name);
  if ((await digestOf(path, bytes, signal)) === sha256) return true;
  await rm(path, { recursive: true, force: true });
  return false;
}

async function takeOwned(file: PlannedFile, context: FetchContext): Promise<boolean> {
  const path = await context.options.owned(file.sha256);
  return path !== undefined && (await takeFrom(path, file, context));
}

/** Links or copies a file of the device, if it is what it is said to be. */
async function takeFrom(path: string, file: PlannedFile, context: FetchContext): Promise<boolean> {
  const { signal, log, options } = context;
  const { name, bytes, sha256 } = file;
  if ((await digestOf(path, bytes, signal)) !== sha256) {
    log.warn({ path, sha256 }, 'a file of the device is not what it was: it is fetched instead');
    return false;
  }
  const target = join(options.folder, name);
  await rm(join(options.folder, partNameOf(name)), { force: true });
  if (!(await linkReadOnly(path, target))) {
    await rm(target, { force: true });
    await checkRoom(options.folder, [file]);
    if ((await copyHashedFile(path, target, { maxBytes: bytes, signal })) !== sha256) {
      await rm(target, { force: true });
      return false;
    }
  }
  await syncFolder(options.folder);
  return true;
}

/** A second name for a file that nobody writes any more; not where the disk or its owner do not allow it. */
async function linkReadOnly(path: string, target: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o222) !== 0) return false;
  try {
    await link(path, target);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EXDEV' || code === 'EPERM' || code === 'EMLINK' || code === 'ENOTSUP') return false;
    throw error;
  }
}

async function travel(
  file: PlannedFile,
  context: FetchContext,
  tell: (have: number, fetched: number) => void,
): Promise<void> {
  const { transport, signal, options, log } = context;
  const part = await PartFile.open(options.folder, file, signal);
  try {
    tell(part.have, 0);
    for (;;) {
      await stream(part, file, context, tell);
      if (part.isRight()) break;
      const began = part.resumed;
      tell(-part.have, 0);
      await part.restart();
      if (!began) throw wrongDigest(transport, file);
      log.warn({ file: file.name }, 'what an earlier call left of a file was wrong: it is fetched anew');
    }
    await part.keep();
  } catch (error) {
    // Bytes that are wrong are no use to the next call.
    const wrong = error instanceof IntentdError && ['untrusted', 'too_large'].includes(error.code);
    if (wrong) await part.remove();
    throw error;
  } finally {
    await part.close();
  }
}

async function stream(
  part: PartFile,
  file: PlannedFile,
  { transport, signal }: FetchContext,
  tell: (have: number, fetched: number) => void,
): Promise<void> {
  const take = async (piece: Uint8Array, offset: number): Promise<void> => {
    const before = part.have;
    await part.write(piece, offset);
    tell(part.have - before, piece.length);
  };
  await transport.stream({ path: file.stored, bytes: file.bytes }, part.have, take, signal);
}

/** Said before anything travels. */
async function checkRoom(folder: string, files: readonly PlannedFile[]): Promise<void> {
  let needed = 0;
  for (const { name, bytes } of files) {
    const part = await stat(join(folder, partNameOf(name))).catch(() => undefined);
    needed += bytes - Math.min(bytes, part?.size ?? 0);
  }
  if (needed === 0) return;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < needed + reserveBytes) {
    throw new IntentdError(
      'disk_full',
      `${folder} has ${free} bytes left, and the bundle needs ${needed} and ${reserveBytes} beside it: make room, then try again.`,
    );
  }
}

async function digestOf(path: string, bytes: number, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await sha256OfFile(path, { maxBytes: bytes, signal });
  } catch (error) {
    if (error instanceof IntentdError && error.code === 'bad_file') return undefined;
    throw error;
  }
}

function wrongDigest({ name }: Transport, file: PlannedFile): IntentdError {
  return new IntentdError(
    'untrusted',
    `${file.name} from ${name} has another SHA-256 than trusted metadata says: it is refused.`,
  );
}
