import { fileURLToPath } from 'node:url';
import { IntentdError, messageOf, type Clock, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import { EngineSlot, WorkerProcess } from '../engine/index.js';
import { padTokens } from '../model/index.js';
import type { ServedModel } from '../requests/index.js';
import { identifyBundle, loadBundle, type BundleIdentity, type LoadedBundle } from './bundles.js';

const warmUps = 3;

/** A bundle whose head is on a worker. */
export interface LoadedModel {
  /** By which requests ask for it. */
  readonly name: string;
  readonly identity: BundleIdentity;
  readonly slot: EngineSlot;
  readonly served: ServedModel;
}

/** A worker's encoder and the folders of the bundles that use it; the next worker reads the first of them. */
interface Encoder {
  readonly slot: EngineSlot;
  readonly folders: string[];
}

/** The workers that hold the encoders, one for each encoder, and the heads on them. */
export class Engines {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onHealth: (health: 'well' | 'failing') => void;
  readonly #encoders = new Map<string, Encoder>();
  readonly #closing = new AbortController();
  #heads = 0;

  constructor(config: Config, onHealth: (health: 'well' | 'failing') => void, clock: Clock, log: Logger) {
    this.#config = config;
    this.#onHealth = onHealth;
    this.#clock = clock;
    this.#log = log;
  }

  get slots(): readonly EngineSlot[] {
    return [...this.#encoders.values()].map(({ slot }) => slot);
  }

  /**
   * Loads a bundle beside those that serve: its encoder, where no worker holds it yet, and its head.
   *
   * @param name the manifest's id if absent
   * @throws IntentdError why it cannot be used, or the signal's reason; nothing of it is left then
   */
  async load(
    folder: string,
    name: string | undefined,
    signal: AbortSignal,
  ): Promise<{ model: LoadedModel; bundle: LoadedBundle }> {
    const identity = await identifyBundle(folder);
    const [slotResult, bundleResult] = await Promise.allSettled([
      this.#claim(identity, signal),
      loadBundle(identity),
    ]);
    if (slotResult.status === 'rejected') throw slotResult.reason;
    const slot = slotResult.value;
    try {
      if (bundleResult.status === 'rejected') throw bundleResult.reason;
      signal.throwIfAborted();
      const bundle = bundleResult.value;
      const model = await this.#modelOf(name ?? bundle.manifest.id, identity, slot, bundle);
      const { kind, form } = slot.info;
      const { id, version } = model.served;
      this.#log.info({ model: id, version, engine: kind, form, worker: slot.pid }, 'a bundle is loaded');
      return { model, bundle };
    } catch (error) {
      await this.#release(identity);
      throw error;
    }
  }

  /** Takes a model's head off its worker, and ends a worker that has none left. */
  async unload({ served, slot, identity }: LoadedModel): Promise<void> {
    try {
      await slot.dropHead(served.head);
    } catch (error) {
      this.#log.warn({ model: served.id, reason: messageOf(error) }, 'a head could not be dropped');
    }
    await this.#release(identity);
  }

  /** Ends every worker, also those that are being started. */
  async close(): Promise<void> {
    this.#closing.abort(new IntentdError('stopping', 'The agent is stopping.'));
    await Promise.all(this.slots.map((slot) => slot.close()));
  }

  async #modelOf(
    name: string,
    identity: BundleIdentity,
    slot: EngineSlot,
    bundle: LoadedBundle,
  ): Promise<LoadedModel> {
    this.#heads += 1;
    // Never a name again: an old head is dropped while a new one of the same bundle may be there.
    const head = `${identity.digest}#${this.#heads}`;
    await slot.loadHead(head, bundle.head);
    const { rules, tokenizer, manifest } = bundle;
    const served = { id: name, version: manifest.version, head, engine: slot, rules, tokenizer };
    await warmUp(served, bundle);
    return { name, identity, slot, served };
  }

  /** The slot of the bundle's encoder, which keeps its worker until the claim is released. */
  async #claim(identity: BundleIdentity, signal: AbortSignal): Promise<EngineSlot> {
    const key = keyOf(identity);
    for (;;) {
      signal.throwIfAborted();
      const existing = this.#encoders.get(key);
      if (existing === undefined) return this.#start(key, identity.folder);
      existing.folders.push(identity.folder);
      if (await startedWell(existing.slot)) return existing.slot;
      // Why not is told by who started it, with another bundle's files: this one's may be whole.
      if (this.#encoders.get(key) === existing) this.#encoders.delete(key);
    }
  }

  async #start(key: string, folder: string): Promise<EngineSlot> {
    const folders = [folder];
    const encoder = { folders, slot: this.#newSlot(() => folders[0] ?? folder) };
    this.#encoders.set(key, encoder);
    try {
      await encoder.slot.start();
    } catch (error) {
      if (this.#encoders.get(key) === encoder) this.#encoders.delete(key);
      throw error;
    }
    return encoder.slot;
  }

  #newSlot(folder: () => string): EngineSlot {
    const { hangMs, heartbeatMs, kind, startMs, threads } = this.#config.engine;
    const script = fileURLToPath(new URL('../engine/worker/main.js', import.meta.url));
    const launch = () => {
      const task = JSON.stringify({ folder: folder(), kind, threads });
      const command = [process.execPath, '--expose-gc', script, task];
      return WorkerProcess.start({ command, hangMs, startMs }, this.#log, this.#closing.signal);
    };
    return new EngineSlot({ launch, heartbeatMs, onHealth: this.#onHealth }, this.#clock, this.#log);
  }

  async #release(identity: BundleIdentity): Promise<void> {
    const key = keyOf(identity);
    const encoder = this.#encoders.get(key);
    if (encoder === undefined) return;
    const at = encoder.folders.indexOf(identity.folder);
    if (at >= 0) encoder.folders.splice(at, 1);
    if (encoder.folders.length > 0) return;
    this.#encoders.delete(key);
    await encoder.slot.close();
  }
}

/** Bundles with equal weights and an equal graph share a worker. */
function keyOf({ encoder, manifest }: BundleIdentity): string {
  return JSON.stringify([encoder, manifest.architecture, manifest.attention, manifest.sparsity.layers]);
}

function startedWell(slot: EngineSlot): Promise<boolean> {
  return slot.started.then(
    () => true,
    () => false,
  );
}

/** The first inferences of a shape are slow: they are not a sender's. */
async function warmUp(model: ServedModel, bundle: LoadedBundle): Promise<void> {
  const texts = bundle.golden.slice(0, warmUps).map((golden) => golden.text);
  for (const text of texts) await inferOnce(model, text);
}

/** @throws IntentdError where the engine fails, or gives what is no number */
export async function inferOnce(model: ServedModel, text: string): Promise<void> {
  const { logits } = await model.engine.infer(padTokens([model.tokenizer.encode(text)]), model.head);
  if (!logits.every(Number.isFinite)) {
    throw new IntentdError('bad_output', `The engine of ${model.id} gives outputs that are not finite.`);
  }
}
