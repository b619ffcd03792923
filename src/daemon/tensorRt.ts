import { existsSync } from 'node:fs';
import { IntentdError, builtProgram, messageOf, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import {
  EngineCache,
  KnownGraphs,
  WorkerProcess,
  buildInChild,
  engineKey,
  nativePaths,
  type BuildSettings,
  type BuildStatus,
  type Candidate,
  type EngineReport,
  type Launch,
  type NativePaths,
  type TakePlan,
  type WorkerOptions,
} from '../engine/index.js';

/** Codes that say that TensorRT cannot be used on this machine, whatever is tried. */
const unusable = new Set(['no_addon', 'no_tensorrt', 'no_cuda', 'no_gpu', 'wrong_version', 'plugin']);
/** Codes that say that an engine has to be built first. */
const unbuilt = new Set(['no_engine', 'bad_engine']);
/** Engines that are kept, with those in use: going back to an earlier model or driver then builds nothing. */
const keptEngines = 4;

type Supply = NonNullable<WorkerOptions['supply']>;

/** What a launch needs to know of the encoder that it is for. */
export interface EngineTarget {
  /** SHA-256 of the manifest of a bundle with this encoder. */
  readonly bundle: string;
  /** The bundle to read the encoder from, at the time. */
  readonly folder: () => string;
  /** Called where the engine has to be built. */
  readonly missing: () => void;
  /** Called with the key of the engine that was loaded. */
  readonly loaded: (key: string) => void;
}

/** TensorRT as the daemon uses it: in workers and builders, with engines of the cache. */
export class TensorRt {
  readonly #config: Config['engine'];
  readonly #paths: NativePaths;
  readonly #settings: BuildSettings;
  readonly #log: Logger;
  readonly cache: EngineCache;
  readonly #graphs: KnownGraphs;

  /**
   * What is configured, where the addon is there; `undefined` where TensorRT is not asked for or cannot be.
   *
   * @throws IntentdError `no_addon` where TensorRT is demanded
   */
  static find({ engine, stateDir }: Config, log: Logger): TensorRt | undefined {
    if (engine.kind !== 'auto' && engine.kind !== 'tensorrt') return undefined;
    const paths = nativePaths();
    if (paths !== undefined) return new TensorRt(engine, stateDir, paths, log);
    if (engine.kind === 'auto') return undefined;
    throw new IntentdError(
      'no_addon',
      'engine.kind is tensorrt, and the TensorRT addon is not built; run npm run build:native, or set engine.kind to auto.',
    );
  }

  private constructor(engine: Config['engine'], stateDir: string, paths: NativePaths, log: Logger) {
    this.#config = engine;
    this.#paths = paths;
    this.#log = log;
    this.cache = new EngineCache(stateDir);
    this.#graphs = new KnownGraphs(this.cache.folder, log);
    const attention =
      engine.attention === 'plugin' && !existsSync(paths.plugins) ? 'standard' : engine.attention;
    if (attention !== engine.attention) {
      log.warn(
        { library: paths.plugins },
        'the plugin library is not there; TensorRT computes attention itself',
      );
    }
    this.#settings = settingsOf(engine, attention);
  }

  /** Whether the agent is not to start without. */
  get isDemanded(): boolean {
    return this.#config.kind === 'tensorrt';
  }

  /** Starts workers that load the engine of the cache, once this device's code over it was found right. */
  launching(target: EngineTarget): Launch {
    return async (signal) => {
      let [key, graph] = ['', ''];
      try {
        const supply: Supply = (parts, send) => {
          key = engineKey(parts);
          graph = parts.onnx;
          return this.#supply(key, send);
        };
        const { attention } = this.#settings;
        // Nothing is awaited before: at a start the event loop has enough to do for others to wait long.
        const known = this.#graphs.of(target.bundle, attention);
        const worker = await WorkerProcess.start(
          this.#workerOptions(target.folder(), known, supply),
          this.#log,
          signal,
        );
        await this.#graphs.note(target.bundle, attention, graph);
        target.loaded(key);
        return worker;
      } catch (error) {
        if (isUnbuilt(error)) await this.#forget(key, error, target);
        if (isTensorRtUnusable(error) && this.#config.kind === 'auto') {
          this.#log.info({ reason: messageOf(error) }, 'TensorRT cannot be used here; the CPU engine serves');
        }
        throw error;
      }
    };
  }

  /**
   * Starts the first worker of an encoder.
   *
   * @returns what to start with and restart from; `undefined` where the engine must be built or TensorRT cannot
   *   be used here
   * @throws IntentdError why TensorRT cannot be used, where it is demanded, or the signal's reason
   */
  async first(target: EngineTarget, signal: AbortSignal): Promise<Launch | undefined> {
    const launch = this.launching(target);
    try {
      const worker = await launch(signal);
      let isTaken = false;
      return (again) => {
        if (isTaken) return launch(again);
        isTaken = true;
        return Promise.resolve(worker);
      };
    } catch (error) {
      signal.throwIfAborted();
      if (isUnbuilt(error)) return undefined;
      if (!isTensorRtUnusable(error)) return launch;
      if (this.isDemanded) throw error;
      return undefined;
    }
  }

  /** Builds the engine of a bundle's encoder in a child process, and keeps it. */
  async build(
    folder: string,
    tell: (status: BuildStatus) => void,
    signal: AbortSignal,
  ): Promise<EngineReport> {
    const { cache } = this;
    await cache.open();
    const script = builtProgram('engine/builder/main.js');
    const task = {
      folder,
      paths: this.#paths,
      settings: this.#settings,
      timingCache: cache.timingCache,
      enginesFolder: cache.folder,
      measureMs: this.#config.measureMs,
    };
    const command = [process.execPath, script];
    return buildInChild({ command, task, tell, log: this.#log, signal }, async ({ report, plan }) => {
      await cache.add(report, plan);
      return report;
    });
  }

  /** Removes the engines that are neither used nor among the newest. */
  tidy(inUse: ReadonlySet<string>): Promise<void> {
    return this.cache.keepNewest(keptEngines, inUse);
  }

  /** Streams a plan to a worker; says what it is when all of it was found right. */
  async #supply(key: string, send: TakePlan): Promise<Candidate> {
    const { candidates, choice } = await this.cache.read(key, send);
    const chosen = candidates.find(({ name }) => name === choice.name)!;
    const { name, precision, sparse, attention } = chosen;
    return { name, precision, sparse, attention };
  }

  async #forget(key: string, error: unknown, { missing }: EngineTarget): Promise<void> {
    if (error instanceof IntentdError && error.code === 'bad_engine') {
      this.#log.warn({ reason: messageOf(error) }, 'an engine is not loaded; it will be built again');
      if (key !== '') await this.cache.remove(key);
    }
    missing();
  }

  #workerOptions(folder: string, graph: string | undefined, supply: Supply): WorkerOptions {
    const { hangMs, startMs } = this.#config;
    const script = builtProgram('engine/worker/main.js');
    const task = JSON.stringify({
      kind: 'tensorrt',
      folder,
      paths: this.#paths,
      settings: this.#settings,
      graph,
    });
    const command = [process.execPath, '--expose-gc', script, task];
    return { command, hangMs, startMs, supply };
  }
}

function settingsOf(engine: Config['engine'], attention: 'plugin' | 'standard'): BuildSettings {
  const { candidates, builderLevel, workspaceMib, weights } = engine;
  const buckets = Object.fromEntries(
    weights.buckets.map((text) => {
      const [name = '', weight] = text.split('=');
      return [name, Number(weight)];
    }),
  );
  return { attention, candidates, builderLevel, workspaceMib, weights: { ...weights, buckets } };
}

/** Whether an error says that TensorRT cannot be used on this machine, whatever is tried. */
export function isTensorRtUnusable(error: unknown): boolean {
  return isOneOf(error, unusable);
}

/** Whether an error says that an engine has to be built first. */
export function isUnbuilt(error: unknown): boolean {
  return isOneOf(error, unbuilt);
}

function isOneOf(error: unknown, codes: ReadonlySet<string>): boolean {
  return error instanceof IntentdError && codes.has(error.code);
}
