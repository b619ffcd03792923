import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/index.js';
import {
  openUpdateSource,
  type FetchOptions,
  type FetchProgress,
  type Offer,
  type UpdateSource,
  type UpdateSourceOptions,
} from '../../src/update/index.js';

/** A device that takes bundles of the family `tiny` from a repository. */
export class UpdateClient {
  readonly folder = mkdtempSync(join(tmpdir(), 'intentd-client-'));
  readonly source: UpdateSource;
  /** Digest → path of what the device has already. */
  readonly owned = new Map<string, string>();
  progress: FetchProgress[] = [];

  constructor(location: string, root: string, options: Partial<UpdateSourceOptions> = {}) {
    this.source = openUpdateSource({
      location,
      channel: 'stable',
      folder: join(this.folder, 'update'),
      installedRoot: readFileSync(root),
      builtAtMs: 0,
      device: { id: 'kitchen-1', kind: 'linux-x64', agent: '0.1.0' },
      clock: { wall: () => Date.now() },
      log: silentLogger,
      ...options,
    });
  }

  offers(): Promise<readonly Offer[]> {
    return this.source.check(['tiny'], new AbortController().signal);
  }

  /** The newest release that the device takes. */
  async offer(): Promise<Offer> {
    return (await this.offers()).find(({ refusal }) => refusal === undefined)!;
  }

  /** Fetches a bundle and returns its folder. */
  async fetch(offer?: Offer, options: Partial<FetchOptions> = {}): Promise<string> {
    const wanted = offer ?? (await this.offer());
    const folder = join(this.folder, `incoming-${wanted.release.version}`);
    this.progress = [];
    await this.source.fetch(wanted, {
      folder,
      owned: (digest) => Promise.resolve(this.owned.get(digest)),
      signal: new AbortController().signal,
      onProgress: (progress) => this.progress.push(progress),
      ...options,
    });
    return options.folder ?? folder;
  }

  /** Bytes that travelled in the last `fetch`. */
  get fetchedBytes(): number {
    return this.progress.at(-1)?.fetchedBytes ?? 0;
  }
}

/** The code of what a promise is refused with, `done` where it is not. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
