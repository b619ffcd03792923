import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fillFolderAtomic, makeFolder, syncFile } from '../../base/index.js';

/** Whole generations of metadata, `<n>/`: the highest counts, and none is ever changed. */
export class Generations {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The folder of the newest, if there is one. */
  async newest(): Promise<string | undefined> {
    const last = (await this.#numbers()).at(-1);
    return last === undefined ? undefined : join(this.#folder, String(last));
  }

  /**
   * Makes the next one, which is there wholly or not at all, and removes all but it and the one before.
   *
   * @param fill writes its files; they are synced here
   */
  async add(fill: (folder: string) => Promise<void>): Promise<void> {
    const numbers = await this.#numbers();
    const next = (numbers.at(-1) ?? 0) + 1;
    await fillFolderAtomic(join(this.#folder, String(next)), async (temporary) => {
      await fill(temporary);
      for (const name of await readdir(temporary)) await syncFile(join(temporary, name));
    });
    for (const old of numbers.slice(0, -1)) {
      await rm(join(this.#folder, String(old)), { recursive: true, force: true });
    }
  }

  /** Ascending; what an interrupted writing left is removed. */
  async #numbers(): Promise<number[]> {
    await makeFolder(this.#folder);
    const names = await readdir(this.#folder);
    for (const name of names.filter((one) => one.endsWith('.tmp'))) {
      await rm(join(this.#folder, name), { recursive: true, force: true });
    }
    return names
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }
}
