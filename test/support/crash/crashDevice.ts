import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { removeTemporaries, silentLogger } from '../../../src/base/index.js';
import { ActiveModels } from '../../../src/daemon/activeModels.js';
import { BundleStore } from '../../../src/daemon/bundleStore.js';
import { identifyBundle } from '../../../src/daemon/bundles.js';
import { UpdateShelf } from '../../../src/daemon/updates/shelf.js';
import { EngineCache } from '../../../src/engine/index.js';
import {
  Downloads,
  Updates,
  defaultRules,
  openJournal,
  openUpdateSource,
  type Ended,
  type FetchOptions,
  type UpdateSource,
} from '../../../src/update/index.js';
import { RecordingHost, type Behaviour } from './recordingHost.js';

export interface DeviceSetup {
  readonly repository: string;
  readonly root: string;
  /** What the gates say, by `step version`; throws where a step fails. */
  readonly behave?: Behaviour;
  /** Version of TensorRT that is installed. */
  readonly tensorRt?: string;
  /** Does something at each sign of progress of a fetch, such as pulling the cable. */
  readonly onProgress?: (have: number, total: number) => void;
}

const rules = { ...defaultRules, retryMs: 0, maxRetryMs: 0 };

/**
 * A device whose state is on disk by the real parts: active.json, models/, update/ and engines/. What would serve is
 * played: only what becomes durable matters here.
 */
export class CrashDevice {
  readonly active: ActiveModels;
  readonly store: BundleStore;
  readonly cache: EngineCache;
  readonly ended: Ended[] = [];
  readonly #stateDir: string;
  readonly #setup: DeviceSetup;
  readonly #host: RecordingHost;
  #updates: Updates | undefined;

  constructor(stateDir: string, setup: DeviceSetup) {
    this.#stateDir = stateDir;
    this.#setup = setup;
    this.active = new ActiveModels(stateDir, silentLogger);
    this.store = new BundleStore(stateDir);
    this.cache = new EngineCache(stateDir);
    const { behave = () => [], tensorRt = '10.3.0' } = setup;
    this.#host = new RecordingHost({
      active: this.active,
      store: this.store,
      cache: this.cache,
      behave,
      tensorRt,
    });
  }

  get updates(): Updates {
    return this.#updates!;
  }

  /** Starts as the daemon does: what serves, what is under way, what is left over, and then on with it. */
  async boot(): Promise<this> {
    await removeTemporaries(this.#stateDir);
    await this.active.read();
    await this.cache.open();
    const { active, store } = this;
    const keep = (inFlight: ReadonlySet<string>) => store.keepOnly(new Set([...active.digests, ...inFlight]));
    this.#updates = new Updates({
      journal: await openJournal(join(this.#stateDir, 'update', 'journal.db'), silentLogger),
      sourceFor: () => Promise.resolve(this.#source()),
      host: this.#host,
      shelf: new UpdateShelf(store, () => active.digests.map((digest) => store.folderOf(digest)), keep),
      downloads: new Downloads(join(this.#stateDir, 'update', 'download')),
      clock: { wall: () => Date.now() },
      log: silentLogger,
      rules,
      onChange: () => undefined,
      onEnded: (ended) => this.ended.push(ended),
    });
    if (!active.forgotten) await keep(this.#updates.inFlight);
    await this.#host.buildMissing();
    this.#updates.start();
    return this;
  }

  /** Waits until no update is under way. */
  async idle(): Promise<void> {
    const end = performance.now() + 20_000;
    while (this.updates.view.phase !== 'idle' || this.updates.view.waiting > 0) {
      if (performance.now() > end) throw new Error(`still ${JSON.stringify(this.updates.view)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async install(family = 'tiny', more: { version?: string; downgrade?: boolean } = {}): Promise<Ended> {
    const { version = null, downgrade = false } = more;
    const wish = {
      kind: 'install',
      by: 'command',
      family,
      version,
      downgrade,
      from: null,
      force: false,
    } as const;
    return this.updates.request(wish).ended;
  }

  async rollback(family = 'tiny'): Promise<Ended> {
    const { digest, version } = this.#host.active(family)!;
    return this.updates.request({ kind: 'rollback', by: 'command', family, digest, version }).ended;
  }

  async stop(): Promise<void> {
    await this.#updates?.stop();
  }

  /** The version that would serve, whose every file is there and right. */
  async served(family = 'tiny'): Promise<string | undefined> {
    const model = this.active.models.get(family);
    if (model === undefined) return undefined;
    if (model.previous !== null) await this.#mustBeWhole(model.previous);
    return this.#mustBeWhole(model.digest);
  }

  /** What a finished update leaves nothing of. */
  leftovers(): string[] {
    const kept = new Set(this.active.digests);
    const names = readdirSync(this.#stateDir, { recursive: true, encoding: 'utf8' });
    const models = names.filter((name) => /^models\/[^/]+$/.test(name) && !kept.has(name.slice(7)));
    const rest = names.filter((name) => name.endsWith('.tmp') || name.startsWith('update/download/'));
    return [...models, ...rest];
  }

  async #mustBeWhole(digest: string): Promise<string> {
    const folder = this.store.folderOf(digest);
    const identity = await identifyBundle(folder);
    // Taking over a folder that is not there fails where the bundle does not stand whole already.
    await this.store.adopt(digest, join(this.#stateDir, 'nothing'), new AbortController().signal);
    return identity.manifest.version;
  }

  #source(): UpdateSource {
    const { repository, root, onProgress } = this.#setup;
    const source = openUpdateSource({
      location: repository,
      channel: 'stable',
      folder: join(this.#stateDir, 'update'),
      installedRoot: readFileSync(root),
      builtAtMs: 0,
      device: { id: 'kitchen-1', kind: 'linux-x64', agent: '0.1.0' },
      clock: { wall: () => Date.now() },
      log: silentLogger,
    });
    if (onProgress === undefined) return source;
    return {
      check: (families, signal) => source.check(families, signal),
      fetch: (offer, options: FetchOptions) =>
        source.fetch(offer, {
          ...options,
          onProgress: (progress) => {
            options.onProgress(progress);
            onProgress(progress.haveBytes, progress.totalBytes);
          },
        }),
    };
  }
}
