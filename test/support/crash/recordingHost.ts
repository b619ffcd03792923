import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActiveModels } from '../../../src/daemon/activeModels.js';
import type { BundleStore } from '../../../src/daemon/bundleStore.js';
import { identifyBundle } from '../../../src/daemon/bundles.js';
import { engineKey, type EngineCache, type EngineReport, type KeyParts } from '../../../src/engine/index.js';
import type { GateFigure, UpdateHost } from '../../../src/update/index.js';

/** What a step of a version comes to: figures, or an error that is thrown. */
export type Behaviour = (call: string) => readonly GateFigure[];

interface HostParts {
  readonly active: ActiveModels;
  readonly store: BundleStore;
  readonly cache: EngineCache;
  readonly behave: Behaviour;
  readonly tensorRt: string;
}

/** Keeps in active.json and engines/ what a real host would, and serves nothing. */
export class RecordingHost implements UpdateHost {
  readonly #parts: HostParts;

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  active(family: string) {
    const model = this.#parts.active.models.get(family);
    return model === undefined ? undefined : { ...model, version: this.#versionOf(model.digest) };
  }

  async sharesEncoder(digest: string): Promise<boolean> {
    const wanted = await this.#encoderOf(digest);
    const serving = [...this.#parts.active.models.values()].map((model) => this.#encoderOf(model.digest));
    return (await Promise.all(serving)).includes(wanted);
  }

  async build(digest: string): Promise<void> {
    this.#parts.behave(`build ${this.#versionOf(digest)}`);
    const parts = await this.#keyOf(digest);
    const key = engineKey(parts);
    const { cache } = this.#parts;
    if ((await cache.list()).includes(key)) {
      await cache.verify(key);
      return;
    }
    const report = { format: 1, key, parts } as unknown as EngineReport;
    await cache.add(report, planOf(key));
  }

  async stage(digest: string) {
    // An engine that is not whole, or of another TensorRT, would never load.
    await this.#parts.cache.verify(engineKey(await this.#keyOf(digest)));
    return this.#parts.behave(`stage ${this.#versionOf(digest)}`);
  }

  shadow(digest: string) {
    return Promise.resolve(this.#parts.behave(`shadow ${this.#versionOf(digest)}`));
  }

  async activate(family: string, digest: string): Promise<void> {
    const before = this.#parts.active.models.get(family);
    if (before?.digest === digest) return;
    await this.#parts.active.set(family, { digest, previous: before?.digest ?? null });
  }

  probation(_: string, digest: string) {
    return Promise.resolve(this.#parts.behave(`watch ${this.#versionOf(digest)}`));
  }

  async rollback(family: string, digest: string): Promise<void> {
    const now = this.#parts.active.models.get(family);
    if (now?.digest !== digest) return;
    const { previous } = now;
    await this.#parts.active.set(
      family,
      previous === null ? undefined : { digest: previous, previous: null },
    );
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }

  async settle(): Promise<void> {
    const serving = [...this.#parts.active.models.values()];
    const keys = await Promise.all(serving.map(async ({ digest }) => engineKey(await this.#keyOf(digest))));
    await this.#parts.cache.keepNewest(2, new Set(keys));
  }

  /** Builds from the kept bundle what serves and was built for another TensorRT. */
  async buildMissing(): Promise<void> {
    for (const { digest } of this.#parts.active.models.values()) await this.build(digest);
  }

  async #keyOf(digest: string): Promise<KeyParts> {
    const encoder = await this.#encoderOf(digest);
    const { tensorRt } = this.#parts;
    return { encoder, tensorrt: tensorRt, onnx: encoder } as unknown as KeyParts;
  }

  async #encoderOf(digest: string): Promise<string> {
    return (await identifyBundle(this.#parts.store.folderOf(digest))).encoder;
  }

  #versionOf(digest: string): string {
    const manifest = readFileSync(join(this.#parts.store.folderOf(digest), 'manifest.json'), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  }
}

async function* planOf(key: string): AsyncIterable<Uint8Array> {
  await Promise.resolve();
  yield Buffer.from(`plan of ${key}, first piece`);
  yield Buffer.from('and second piece');
}
