import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFile, syncFolder } from '../../base/index.js';

/** Folders of bundles that are being fetched, `update/download/<digest>/`: each is resumed where it stopped. */
export class Downloads {
  readonly #folder: string;

  /** @param folder `update/download` of the state directory */
  constructor(folder: string) {
    this.#folder = folder;
  }

  folderOf(digest: string): string {
    return join(this.#folder, digest);
  }

  /** Makes the folder of a bundle, or keeps what is in it, and removes all others. */
  async open(digest: string): Promise<string> {
    await this.keepOnly(digest);
    await makeFolder(this.folderOf(digest), { mode: 0o750 });
    return this.folderOf(digest);
  }

  /** Makes the files of a bundle survive a power cut. */
  async sync(digest: string): Promise<void> {
    const folder = this.folderOf(digest);
    for (const name of await readdir(folder)) await syncFile(join(folder, name));
    await syncFolder(folder);
  }

  /** Removes all folders but that of one bundle, if one is named. */
  async keepOnly(digest?: string): Promise<void> {
    await makeFolder(this.#folder, { mode: 0o750 });
    for (const name of await readdir(this.#folder)) {
      if (name !== digest) await rm(join(this.#folder, name), { recursive: true, force: true });
    }
  }
}
