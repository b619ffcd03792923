import { IntentdError, messageOf, type Clock, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import type { BuildStatus, Engine, EngineReport, EngineSlot, Health } from '../engine/index.js';
import type { ServedModel } from '../requests/index.js';
import { identifyBundle, loadBundle, type BundleIdentity, type LoadedBundle } from './bundles.js';
import { Encoders, type Encoder, type Preference } from './encoders.js';
import { holdsBothEngines } from './engineMemory.js';
import { EngineBuilds, type BuildOrder, type EngineNews } from './engineBuilds.js';
import { warmUp } from './firstInferences.js';
import type { Candidate } from './goldenGate.js';
import { TensorRt, isTensorRtUnusable, isUnbuilt } from './tensorRt.js';
import { Tokenizers } from './tokenizers.js';

/** A bundle whose head is on a worker. */
export interface LoadedModel {
  /** By which requests ask for it. */
  readonly name: string;
  readonly identity: BundleIdentity;
  readonly slot: EngineSlot;
  readonly served: ServedModel;
}

export interface EnginesOptions {
  readonly config: Config;
  readonly onHealth: (health: Health) => void;
  /** Told of builds, and that another kind of engine serves. */
  readonly onNews: (news: EngineNews) => void;
  readonly onServing: () => void;
  /** Tries a model on an engine that is to serve it; throws where it must not. */
  readonly check: (candidate: Candidate) => Promise<void>;
}

/** The heads of the bundles that serve, on the workers of their encoders, and the engines built for these. */
export class Engines {
  readonly #options: EnginesOptions;
  readonly #log: Logger;
  /** The workers, for those that load engines beside what serves. */
  readonly encoders: Encoders;
  readonly tensorRt: TensorRt | undefined;
  readonly builds: EngineBuilds | undefined;
  readonly #tokenizers = new Tokenizers();
  #heads = 0;

  /** @throws IntentdError `no_addon` where TensorRT is demanded and was not built */
  constructor(options: EnginesOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#log = log;
    const { config, onHealth, onNews, onServing } = options;
    const tensorRt = TensorRt.find(config, log);
    this.tensorRt = tensorRt;
    if (tensorRt !== undefined) {
      const build = tensorRt.build.bind(tensorRt);
      this.builds = new EngineBuilds({ build, tell: onNews, log });
    }
    const encoders = {
      engine: config.engine,
      onHealth,
      onServing,
      prefer: preferenceFor(tensorRt),
      hasRoom: (encoderBytes: number) =>
        holdsBothEngines(encoderBytes, config.update.gates.reserveMib * 2 ** 20),
      check: (encoder: Encoder, next: Engine) => this.#check(encoder, next),
      onMissing: (encoder: Encoder) => {
        this.#buildMissing(encoder);
      },
    };
    this.encoders = new Encoders(encoders, clock, log);
  }

  get slots(): readonly EngineSlot[] {
    return this.encoders.all.map(({ slot }) => slot);
  }

  /** How far the engine is that is being built. */
  get building(): BuildStatus | undefined {
    return this.builds?.current;
  }

  /** The key of the TensorRT engine that serves a slot. */
  engineKeyOf(slot: EngineSlot): string | undefined {
    const encoder = this.encoders.all.find((one) => one.slot === slot);
    return slot.info.kind === 'tensorrt' ? encoder?.engineKey : undefined;
  }

  /**
   * Builds the engine of a model's encoder, also where there is one, and lets it serve.
   *
   * @throws IntentdError `no_tensorrt` where TensorRT is not used here, or why the engine does not serve
   */
  async rebuild(model: LoadedModel, tell: (status: BuildStatus) => void): Promise<EngineReport> {
    const encoder = this.encoders.of(model.identity);
    if (this.tensorRt === undefined || this.builds === undefined || encoder === undefined) {
      throw new IntentdError(
        'no_tensorrt',
        'TensorRT is not used here: engine.kind says so, or its addon is not built; intentd doctor tells.',
      );
    }
    return this.builds.order(this.#orderFor(encoder, this.tensorRt), tell);
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
      this.encoders.claim(identity, signal),
      loadBundle(identity, this.#tokenizers),
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
      await this.encoders.release(identity);
      throw error;
    }
  }

  /** Takes a model's head off its worker, and ends a worker that has none left. */
  async unload({ served, slot, identity }: LoadedModel): Promise<void> {
    const encoder = this.encoders.of(identity);
    encoder?.models.delete(served);
    // The last one ends with its worker, which may not answer any more.
    if (encoder !== undefined && encoder.folders.length <= 1) {
      await this.encoders.release(identity);
      return;
    }
    try {
      await slot.dropHead(served.head);
    } catch (error) {
      this.#log.warn({ model: served.id, reason: messageOf(error) }, 'a head could not be dropped');
    }
    await this.encoders.release(identity);
  }

  /** Ends every worker, also those that are being started. */
  close(): Promise<void> {
    return this.encoders.close();
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

  /** Notes what a head must answer rightly on another engine, and has that built where it is missing. */
  #place(model: LoadedModel, { digest, golden, manifest }: LoadedBundle): void {
    const encoder = this.encoders.of(model.identity);
    if (encoder === undefined) return;
    const { evaluation } = manifest;
    encoder.models.set(model.served, { model: model.served, digest, golden, evaluation });
    this.#buildMissing(encoder);
  }

  #buildMissing(encoder: Encoder): void {
    if (!encoder.isMissing || encoder.models.size === 0 || this.tensorRt === undefined) return;
    encoder.isMissing = false;
    // Its failure is told and logged where it happens; the CPU engine serves.
    this.builds?.order(this.#orderFor(encoder, this.tensorRt)).catch(() => undefined);
  }

  /** @throws IntentdError where an engine must not serve a model of the encoder */
  async #check(encoder: Encoder, next: Engine): Promise<void> {
    for (const candidate of encoder.models.values()) await this.#options.check(on(next, candidate));
  }

  #orderFor(encoder: Encoder, tensorRt: TensorRt): BuildOrder {
    return {
      slot: encoder.slot,
      folder: encoder.target.folder,
      launch: tensorRt.launching(encoder.target),
      check: async (next) => {
        await this.#check(encoder, next);
        await tensorRt.tidy(new Set(this.encoders.all.flatMap(({ engineKey = [] }) => engineKey)));
      },
      signal: AbortSignal.any([encoder.closing.signal, this.encoders.closing]),
    };
  }
}

/** TensorRT before the CPU engine, which serves until TensorRT is ready; not where the agent must not start without. */
function preferenceFor(tensorRt: TensorRt | undefined): Preference {
  return {
    soon: (target) => (tensorRt?.isDemanded === true ? undefined : tensorRt?.launching(target)),
    first: async (target, signal) => tensorRt?.first(target, signal),
    // One that was loaded here before may come back: a GPU that fails says that there is none.
    isFinal: (error, hasServed) => isUnbuilt(error) || (!hasServed && isTensorRtUnusable(error)),
  };
}

/** The same model on another engine. */
function on(engine: Engine, candidate: Candidate): Candidate {
  return { ...candidate, model: { ...candidate.model, engine } };
}
