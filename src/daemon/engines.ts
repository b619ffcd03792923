import { fileURLToPath } from 'node:url';
import { IntentdError, messageOf, type Clock, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import {
  EngineSlot,
  WorkerProcess,
  type BuildStatus,
  type Engine,
  type EngineReport,
} from '../engine/index.js';
import { padTokens } from '../model/index.js';
import type { ServedModel } from '../requests/index.js';
import { identifyBundle, loadBundle, type BundleIdentity, type LoadedBundle } from './bundles.js';
import { EngineBuilds, type BuildOrder, type EngineNews } from './engineBuilds.js';
import type { Candidate } from './goldenGate.js';
import { TensorRt, type EngineTarget } from './tensorRt.js';

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
  /** The heads on it, with what each must answer rightly. */
  readonly models: Map<LoadedModel['served'], Candidate>;
  /** Where TensorRT may serve it. */
  readonly target: EngineTarget;
  /** The engine of the cache that serves, if one does. */
  engineKey: string | undefined;
  /** Whether its engine has to be built once a model is on it. */
  isMissing: boolean;
  readonly closing: AbortController;
}

export interface EnginesOptions {
  readonly config: Config;
  readonly onHealth: (health: 'well' | 'failing') => void;
  /** Told of builds, and that another kind of engine serves. */
  readonly onNews: (news: EngineNews) => void;
  readonly onServing: () => void;
  /** Tries a model on an engine that is to serve it; throws where it must not. */
  readonly check: (candidate: Candidate) => Promise<void>;
}

/** The workers that hold the encoders, one for each encoder, and the heads on them. */
export class Engines {
  readonly #options: EnginesOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #encoders = new Map<string, Encoder>();
  readonly #closing = new AbortController();
  readonly #tensorRt: TensorRt | undefined;
  readonly #builds: EngineBuilds | undefined;
  #heads = 0;

  /** @throws IntentdError `no_addon` where TensorRT is demanded and was not built */
  constructor(options: EnginesOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    const tensorRt = TensorRt.find(options.config, log);
    this.#tensorRt = tensorRt;
    if (tensorRt !== undefined) {
      const build = tensorRt.build.bind(tensorRt);
      this.#builds = new EngineBuilds({ build, tell: options.onNews, log });
    }
  }

  get slots(): readonly EngineSlot[] {
    return [...this.#encoders.values()].map(({ slot }) => slot);
  }

  /** How far the engine is that is being built. */
  get building(): BuildStatus | undefined {
    return this.#builds?.current;
  }

  /** The key of the TensorRT engine that serves a slot. */
  engineKeyOf(slot: EngineSlot): string | undefined {
    const encoder = [...this.#encoders.values()].find((one) => one.slot === slot);
    return slot.info.kind === 'tensorrt' ? encoder?.engineKey : undefined;
  }

  /**
   * Builds the engine of a model's encoder, also where there is one, and lets it serve.
   *
   * @throws IntentdError `no_tensorrt` where TensorRT is not used here, or why the engine does not serve
   */
  async rebuild(model: LoadedModel, tell: (status: BuildStatus) => void): Promise<EngineReport> {
    const encoder = this.#encoders.get(keyOf(model.identity));
    if (this.#tensorRt === undefined || this.#builds === undefined || encoder === undefined) {
      throw new IntentdError(
        'no_tensorrt',
        'TensorRT is not used here: engine.kind says so, or its addon is not built; intentd doctor tells.',
      );
    }
    return this.#builds.order(this.#orderFor(encoder, this.#tensorRt), tell);
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
      this.#place(model, bundle);
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
    this.#encoders.get(keyOf(identity))?.models.delete(served);
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
    for (const { closing } of this.#encoders.values()) closing.abort(this.#closing.signal.reason);
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
    const encoder = this.#newEncoder(folder);
    this.#encoders.set(key, encoder);
    try {
      const preferred = await this.#tensorRt?.first(encoder.target, this.#closing.signal);
      await encoder.slot.start(preferred);
    } catch (error) {
      if (this.#encoders.get(key) === encoder) this.#encoders.delete(key);
      throw error;
    }
    return encoder.slot;
  }

  #newEncoder(folder: string): Encoder {
    const folders = [folder];
    const current = (): string => folders[0] ?? folder;
    const target: EngineTarget = {
      folder: current,
      missing: () => {
        encoder.isMissing = true;
        this.#buildMissing(encoder);
      },
      loaded: (key) => {
        encoder.engineKey = key;
      },
    };
    const encoder: Encoder = {
      slot: this.#newSlot(current),
      folders,
      models: new Map(),
      target,
      engineKey: undefined,
      isMissing: false,
      closing: new AbortController(),
    };
    return encoder;
  }

  #newSlot(folder: () => string): EngineSlot {
    const { config, onHealth, onServing } = this.#options;
    const { hangMs, heartbeatMs, startMs, threads } = config.engine;
    const kind = config.engine.kind === 'none' ? 'none' : 'onnxruntime';
    const script = fileURLToPath(new URL('../engine/worker/main.js', import.meta.url));
    const launch = () => {
      const task = JSON.stringify({ folder: folder(), kind, threads });
      const command = [process.execPath, '--expose-gc', script, task];
      return WorkerProcess.start({ command, hangMs, startMs }, this.#log, this.#closing.signal);
    };
    return new EngineSlot({ launch, heartbeatMs, onHealth, onServing }, this.#clock, this.#log);
  }

  /** Notes what a head must answer rightly on another engine, and has that built where it is missing. */
  #place(model: LoadedModel, { digest, golden, manifest }: LoadedBundle): void {
    const encoder = this.#encoders.get(keyOf(model.identity));
    if (encoder === undefined) return;
    const { evaluation } = manifest;
    encoder.models.set(model.served, { model: model.served, digest, golden, evaluation });
    this.#buildMissing(encoder);
  }

  #buildMissing(encoder: Encoder): void {
    if (!encoder.isMissing || encoder.models.size === 0 || this.#tensorRt === undefined) return;
    encoder.isMissing = false;
    // Its failure is told and logged where it happens; the CPU engine serves.
    this.#builds?.order(this.#orderFor(encoder, this.#tensorRt)).catch(() => undefined);
  }

  #orderFor(encoder: Encoder, tensorRt: TensorRt): BuildOrder {
    return {
      slot: encoder.slot,
      folder: encoder.target.folder,
      launch: tensorRt.launching(encoder.target),
      check: async (next) => {
        for (const candidate of encoder.models.values()) await this.#options.check(on(next, candidate));
        await tensorRt.tidy(new Set([...this.#encoders.values()].flatMap(({ engineKey = [] }) => engineKey)));
      },
      signal: AbortSignal.any([encoder.closing.signal, this.#closing.signal]),
    };
  }

  async #release(identity: BundleIdentity): Promise<void> {
    const key = keyOf(identity);
    const encoder = this.#encoders.get(key);
    if (encoder === undefined) return;
    const at = encoder.folders.indexOf(identity.folder);
    if (at >= 0) encoder.folders.splice(at, 1);
    if (encoder.folders.length > 0) return;
    this.#encoders.delete(key);
    encoder.closing.abort(new IntentdError('unloaded', 'No model needs this encoder any more.'));
    await encoder.slot.close();
  }
}

/** The same model on another engine. */
function on(engine: Engine, candidate: Candidate): Candidate {
  return { ...candidate, model: { ...candidate.model, engine } };
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
