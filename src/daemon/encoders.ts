import { IntentdError, builtProgram, type Clock, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import {
  EngineSlot,
  WorkerProcess,
  type Engine,
  type EngineInfo,
  type Health,
  type Launch,
  type SlotOptions,
} from '../engine/index.js';
import { bundleFiles } from '../model/index.js';
import type { ServedModel } from '../requests/index.js';
import type { BundleIdentity } from './bundles.js';
import type { Candidate } from './goldenGate.js';
import type { EngineTarget } from './tensorRt.js';

/** A worker's encoder and the folders of the bundles that use it; the next worker reads the first of them. */
export interface Encoder {
  readonly slot: EngineSlot;
  readonly folders: string[];
  /** The heads on it, with what each must answer rightly. */
  readonly models: Map<ServedModel, Candidate>;
  /** Where TensorRT may serve it. */
  readonly target: EngineTarget;
  /** The engine of the cache that serves, if one does. */
  engineKey: string | undefined;
  /** Whether its engine has to be built once a model is on it. */
  isMissing: boolean;
  /** Aborts when no bundle uses it any more. */
  readonly closing: AbortController;
}

export interface Preference {
  /** Its workers, where the CPU engine may serve until the first of them is ready. */
  readonly soon: (target: EngineTarget) => Launch | undefined;
  /** Its workers, the first of them ready. */
  readonly first: (target: EngineTarget, signal: AbortSignal) => Promise<Launch | undefined>;
  /** Errors after which an encoder has the CPU engine until another one is swapped in. */
  readonly isFinal: (error: unknown, hasServed: boolean) => boolean;
}

export interface EncodersOptions {
  readonly engine: Config['engine'];
  readonly onHealth: (health: Health) => void;
  readonly onServing: (info: EngineInfo) => void;
  /** What is to serve an encoder rather than the CPU engine, if anything. */
  readonly prefer: Preference;
  /** Whether memory holds both of these for an encoder of this size in bytes. */
  readonly hasRoom: (encoderBytes: number) => boolean;
  /** Tries an engine of the encoder before it takes over from one that serves; throws where it must not. */
  readonly check: (encoder: Encoder, next: Engine) => Promise<void>;
  /** Called where a TensorRT engine of the encoder has to be built. */
  readonly onMissing: (encoder: Encoder) => void;
}

/** The encoders that are loaded, each on a worker of its own, for as long as a bundle uses it. */
export class Encoders {
  readonly #options: EncodersOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #encoders = new Map<string, Encoder>();
  readonly #closing = new AbortController();

  constructor(options: EncodersOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get all(): readonly Encoder[] {
    return [...this.#encoders.values()];
  }

  /** Aborts when all are closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  of(identity: BundleIdentity): Encoder | undefined {
    return this.#encoders.get(keyOf(identity));
  }

  /**
   * The slot of the bundle's encoder, which keeps its worker until the claim is released.
   *
   * @throws IntentdError why its worker does not start, or the signal's reason
   */
  async claim(identity: BundleIdentity, signal: AbortSignal): Promise<EngineSlot> {
    const key = keyOf(identity);
    for (;;) {
      signal.throwIfAborted();
      const existing = this.#encoders.get(key);
      if (existing === undefined) return this.#start(key, identity);
      existing.folders.push(identity.folder);
      if (await startedWell(existing.slot)) return existing.slot;
      // Why not is told by who started it, with another bundle's files: this one's may be whole.
      if (this.#encoders.get(key) === existing) this.#encoders.delete(key);
    }
  }

  /** Takes a claim back, and ends a worker that no bundle uses any more. */
  async release(identity: BundleIdentity): Promise<void> {
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

  /** Ends every worker, also those that are being started. */
  async close(): Promise<void> {
    this.#closing.abort(new IntentdError('stopping', 'The agent is stopping.'));
    for (const { closing } of this.all) closing.abort(this.closing.reason);
    await Promise.all(this.all.map(({ slot }) => slot.close()));
  }

  async #start(key: string, identity: BundleIdentity): Promise<EngineSlot> {
    const { prefer } = this.#options;
    // One beside others is to serve as it was tried, and nobody waits for it.
    const isAwaited = !this.all.some(({ slot }) => slot.pid !== 0);
    const encoder = this.#newEncoder(identity, isAwaited);
    this.#encoders.set(key, encoder);
    const soon = isAwaited ? prefer.soon(encoder.target) : undefined;
    try {
      if (soon !== undefined) await encoder.slot.start(soon, true);
      else await encoder.slot.start(await prefer.first(encoder.target, this.closing));
    } catch (error) {
      if (this.#encoders.get(key) === encoder) this.#encoders.delete(key);
      throw error;
    }
    return encoder.slot;
  }

  #newEncoder({ digest, folder, manifest }: BundleIdentity, isAwaited: boolean): Encoder {
    const folders = [folder];
    const current = (): string => folders[0] ?? folder;
    const target: EngineTarget = {
      bundle: digest,
      folder: current,
      missing: () => {
        encoder.isMissing = true;
        this.#options.onMissing(encoder);
      },
      loaded: (key) => {
        encoder.engineKey = key;
      },
    };
    const { check, engine, hasRoom, onHealth, onServing, prefer } = this.#options;
    const options: SlotOptions = {
      launch: this.#launching(current, isAwaited),
      heartbeatMs: engine.heartbeatMs,
      hasRoom: () => hasRoom(manifest.files[bundleFiles.encoder]!.bytes),
      isFinal: (error) => prefer.isFinal(error, encoder.engineKey !== undefined),
      check: (next) => check(encoder, next),
      onHealth,
      onServing,
    };
    const encoder: Encoder = {
      slot: new EngineSlot(options, this.#clock, this.#log),
      folders,
      models: new Map(),
      target,
      engineKey: undefined,
      isMissing: false,
      closing: new AbortController(),
    };
    return encoder;
  }

  /** Workers of the CPU engine; all but an awaited first one take the place of one that is gone. */
  #launching(folder: () => string, isFirstAwaited: boolean): Launch {
    let isAwaited = isFirstAwaited;
    return (signal) => {
      const gentle = !isAwaited;
      isAwaited = true;
      return this.launchAlways(folder(), signal, gentle);
    };
  }

  /**
   * Starts a worker of the engine that is always there: the CPU's.
   *
   * @param folder of a bundle with the encoder
   * @param signal ends one that is not ready yet
   * @param gentle whether others serve, and it gives way to them while it starts
   */
  launchAlways(folder: string, signal: AbortSignal, gentle: boolean): Promise<WorkerProcess> {
    const { hangMs, kind, startMs, threads } = this.#options.engine;
    const script = builtProgram('engine/worker/main.js');
    const task = JSON.stringify({ folder, kind: kind === 'none' ? 'none' : 'onnxruntime', threads });
    const command = [process.execPath, '--expose-gc', script, task];
    const either = AbortSignal.any([signal, this.closing]);
    return WorkerProcess.start({ command, hangMs, startMs, gentle }, this.#log, either);
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
