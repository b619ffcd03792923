import { join } from 'node:path';
import { IntentdError } from '../../base/index.js';
import type { BundleShelf } from '../../update/index.js';
import { identifyBundle } from '../bundles.js';
import type { BundleStore } from '../bundleStore.js';

/** The bundles of the state directory, as updates see them. */
export class UpdateShelf implements BundleShelf {
  readonly #store: BundleStore;
  readonly #folders: () => readonly string[];
  readonly #keepOnly: (inFlight: ReadonlySet<string>) => Promise<void>;

  /**
   * @param folders of bundles whose files need not travel
   * @param keepOnly removes every kept bundle but those that serve, the one before each, and these
   */
  constructor(
    store: BundleStore,
    folders: () => readonly string[],
    keepOnly: (inFlight: ReadonlySet<string>) => Promise<void>,
  ) {
    this.#store = store;
    this.#folders = folders;
    this.#keepOnly = keepOnly;
  }

  async owned(sha256: string): Promise<string | undefined> {
    for (const folder of this.#folders()) {
      const files = await listedIn(folder);
      const found = Object.entries(files).find(([, file]) => file.sha256 === sha256);
      if (found !== undefined) return join(folder, found[0]);
    }
    return undefined;
  }

  adopt(digest: string, folder: string): Promise<void> {
    return this.#store.adopt(digest, folder, new AbortController().signal);
  }

  collect(inFlight: ReadonlySet<string>): Promise<void> {
    return this.#keepOnly(inFlight);
  }
}

/** What the manifest of a bundle lists; nothing where there is none that can be used. */
async function listedIn(folder: string): Promise<Readonly<Record<string, { readonly sha256: string }>>> {
  try {
    return (await identifyBundle(folder)).manifest.files;
  } catch (error) {
    if (error instanceof IntentdError) return {};
    throw error;
  }
}
