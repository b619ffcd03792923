import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  IntentdError,
  copyHashedFile,
  fillFolderAtomic,
  makeFolder,
  sha256OfFile,
  syncFolder,
  writeFileAtomic,
} from '../base/index.js';
import { manifestFile, maxManifestBytes } from '../model/index.js';
import { identifyBundle, type BundleIdentity } from './bundles.js';

const damaged: readonly string[] = ['bad_bundle', 'bad_file', 'bad_json'];

/** Copies of bundles in the state directory, `models/<digest>/`, that are never changed. */
export class BundleStore {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'models');
  }

  folderOf(digest: string): string {
    return join(this.#folder, digest);
  }

  /**
   * Copies a bundle whose files are all as its manifest says; one that is there already is kept where it
   * is whole.
   *
   * @throws IntentdError `bad_bundle` or `bad_file`, or the signal's reason; nothing of it is left then
   */
  async add(identity: BundleIdentity, signal: AbortSignal): Promise<string> {
    const target = this.folderOf(identity.digest);
    if (identity.folder === target || (await standsWhole(identity.digest, target, signal))) return target;
    await rm(target, { recursive: true, force: true });
    await fillFolderAtomic(target, async (temporary) => {
      for (const [name, { sha256, bytes }] of listedFiles(identity)) {
        const text = identity.composed?.written.get(name);
        if (text !== undefined) {
          await writeFileAtomic(join(temporary, name), text, { mode: 0o444 });
          continue;
        }
        const folder = identity.composed?.folders.get(name) ?? identity.folder;
        const options = { maxBytes: bytes, name: join(folder, name), signal };
        const found = await copyHashedFile(options.name, join(temporary, name), options);
        if (found !== sha256) throw changed(options.name, found, sha256);
      }
    });
    return target;
  }

  /**
   * Takes over a folder that holds exactly the files of the bundle of this digest, each synced, and moves it here.
   * Where the bundle stands whole already only the folder is removed.
   *
   * @throws IntentdError `bad_bundle` or `bad_file`
   */
  async adopt(digest: string, folder: string, signal: AbortSignal): Promise<void> {
    const target = this.folderOf(digest);
    if (await standsWhole(digest, target, signal)) {
      await rm(folder, { recursive: true, force: true });
      return;
    }
    await mustBeExactly(digest, folder, signal);
    await makeFolder(this.#folder);
    await rm(target, { recursive: true, force: true });
    await rename(folder, target);
    await syncFolder(this.#folder);
    await syncFolder(dirname(folder));
  }

  /** Removes every bundle but these, and what an interrupted copy left. */
  async keepOnly(digests: ReadonlySet<string>): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of await readdir(this.#folder)) {
      if (!digests.has(name)) await rm(join(this.#folder, name), { recursive: true, force: true });
    }
  }
}

function listedFiles({ manifest, digest }: BundleIdentity): [string, { sha256: string; bytes: number }][] {
  return [...Object.entries(manifest.files), [manifestFile, { sha256: digest, bytes: maxManifestBytes }]];
}

/** @throws IntentdError `bad_bundle` or `bad_file` where the folder is not the bundle, or holds more */
async function mustBeExactly(digest: string, folder: string, signal: AbortSignal): Promise<void> {
  const identity = await identifyBundle(folder);
  if (identity.digest !== digest) throw changed(join(folder, manifestFile), identity.digest, digest);
  const listed = new Map(listedFiles(identity));
  const extra = (await readdir(folder)).find((name) => !listed.has(name));
  if (extra !== undefined) {
    throw new IntentdError('bad_bundle', `${folder} holds ${extra}, which its manifest does not name.`);
  }
  for (const [name, { sha256, bytes }] of listed) {
    const found = await sha256OfFile(join(folder, name), { maxBytes: bytes, signal });
    if (found !== sha256) throw changed(join(folder, name), found, sha256);
  }
}

async function standsWhole(digest: string, folder: string, signal: AbortSignal): Promise<boolean> {
  try {
    await mustBeExactly(digest, folder, signal);
    return true;
  } catch (error) {
    // Missing or damaged: it is made anew.
    if (error instanceof IntentdError && damaged.includes(error.code)) return false;
    throw error;
  }
}

function changed(file: string, found: string, expected: string): IntentdError {
  return new IntentdError(
    'bad_bundle',
    `${file} has the SHA-256 ${found}, and manifest.json says ${expected}.`,
  );
}
