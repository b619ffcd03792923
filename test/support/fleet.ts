import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addRelease,
  defaultLifetimes,
  expire,
  initRepository,
  openContext,
  promote,
  rotate,
  type InitOptions,
  type KeyCount,
  type PublisherContext,
  type Rollout,
} from '../../src/update/index.js';
import { writeTinyBundle, type TinyBundleOptions } from './tinyBundle.js';

const one: KeyCount = { keys: 1, threshold: 1 };
const dayMs = 24 * 3600_000;

/** A fleet's publisher: a repository, keys that open quickly, and a clock that is set by hand. */
export class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'intentd-fleet-'));
  readonly repository = join(this.folder, 'repository');
  readonly keys = join(this.folder, 'keys');
  readonly rootKeys = [join(this.folder, 'root-a'), join(this.folder, 'root-b')];
  nowMs = Date.now();
  #bundles = 0;

  context(withRootKeys = false): Promise<PublisherContext> {
    const passphrase = 'correct horse battery';
    return openContext({
      repository: this.repository,
      keys: { folder: this.keys, passphrase },
      rootKeys: withRootKeys ? this.rootKeys.map((folder) => ({ folder, passphrase })) : [],
      clock: { wall: () => this.nowMs },
      keyCost: 1024,
    });
  }

  async init(changes: { roles?: Partial<InitOptions['roles']>; lifetimes?: object } = {}): Promise<this> {
    await initRepository(await this.context(true), {
      roles: {
        root: { keys: 2, threshold: 2 },
        targets: one,
        snapshot: one,
        timestamp: one,
        ...changes.roles,
      },
      lifetimes: { ...defaultLifetimes, ...changes.lifetimes },
    });
    return this;
  }

  /** Writes a tiny bundle and publishes it. */
  async add(options: TinyBundleOptions = {}, rollout: Partial<Rollout> = {}): Promise<string> {
    const folder = join(this.folder, `bundle-${this.#bundles++}`);
    await writeTinyBundle(folder, options);
    await addRelease(await this.context(), folder, { channel: 'stable', share: 100, ...rollout });
    return folder;
  }

  async promote(family: string, version: string, rollout: Partial<Rollout> = {}): Promise<void> {
    await promote(await this.context(), family, version, { channel: 'stable', share: 100, ...rollout });
  }

  async rotate(role: string, count?: KeyCount): Promise<void> {
    await rotate(await this.context(true), role, count);
  }

  async expire(withinDays = 30, withRootKeys = false) {
    return expire(await this.context(withRootKeys), withinDays);
  }

  passDays(days: number): void {
    this.nowMs += days * dayMs;
  }

  /** The root that is installed with an agent. */
  get firstRoot(): string {
    return join(this.repository, 'metadata', '1.root.json');
  }

  metadata(name: string): { signed: Record<string, never>; signatures: { keyid: string; sig: string }[] } {
    return JSON.parse(readFileSync(join(this.repository, 'metadata', name), 'utf8')) as never;
  }

  metadataNames(): string[] {
    return readdirSync(join(this.repository, 'metadata')).sort();
  }
}
