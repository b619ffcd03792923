import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  IntentdError,
  copyHashedFile,
  fillFolderAtomic,
  sha256OfFile,
  writeFileAtomic,
} from '../base/index.js';
import { manifestFile } from '../model/index.js';
import { maxManifestBytes, type BundleIdentity } from './bundles.js';

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
    if (identity.folder === target || (await isWhole(identity, target, signal))) return target;
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

async function isWhole(identity: BundleIdentity, folder: string, signal: AbortSignal): Promise<boolean> {
  try {
    for (const [name, { sha256, bytes }] of listedFiles(identity)) {
      if ((await sha256OfFile(join(folder, name), { maxBytes: bytes, signal })) !== sha256) return false;
    }
    return true;
  } catch (error) {
    // Missing or damaged: it is copied again.
    if (error instanceof IntentdError && error.code === 'bad_file') return false;
    throw error;
  }
}

function changed(file: string, found: string, expected: string): IntentdError {
  return new IntentdError(
    'bad_bundle',
    `${file} has the SHA-256 ${found}, and manifest.json says ${expected}.`,
  );
}
