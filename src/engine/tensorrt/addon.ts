import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { IntentdError, messageOf, packageFile } from '../../base/index.js';

/** What the addon found on this device. Versions are plain text, `''` where a library is not there. */
export interface RuntimeInfo {
  /** e.g. `10.3.0` */
  readonly tensorrt: string;
  /** e.g. `12.6`; `''` where no CUDA runtime lies beside: the addon needs only the driver. */
  readonly cudaRuntime: string;
  /** The driver's own version, e.g. `580.65.06`; `''` where neither NVML nor the kernel module tells it. */
  readonly driver: string;
  /** The newest CUDA that the driver runs, e.g. `13.0`. */
  readonly cudaDriver: string;
  readonly gpu: string;
  /** Compute capability without its point, e.g. 87. */
  readonly sm: number;
  readonly uuid: string;
  readonly memoryTotalBytes: number;
  readonly memoryFreeBytes: number;
  /** GPU and processor share one memory, as on a Jetson. */
  readonly unifiedMemory: boolean;
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug';
export type LogSink = (level: LogLevel, message: string) => void;

/** Batch and sequence. */
export type Shape = readonly [batch: number, sequence: number];

export interface Profile {
  readonly min: Shape;
  readonly opt: Shape;
  readonly max: Shape;
}

export interface BuildOptions {
  /** One to three; each holds min ≤ opt ≤ max. */
  readonly profiles: readonly Profile[];
  /** Lets the tuner choose sparse tactics where weights are 2:4. */
  readonly sparse: boolean;
  readonly workspaceBytes: number;
  /** TensorRT's builder optimization level, 0…5. */
  readonly builderLevel: number;
  /** What an earlier build gave; one that TensorRT does not take is left out with a warning. */
  readonly timingCache?: Uint8Array;
  readonly detailedProfiling: boolean;
}

/** One step of a phase of the build; phases nest, `depth` 0 is the whole. */
export interface BuildProgress {
  readonly phase: string;
  readonly step: number;
  readonly steps: number;
  readonly depth: number;
}

export interface BuiltEngine {
  readonly plan: Uint8Array;
  readonly timingCache: Uint8Array;
  readonly buildMs: number;
}

export interface Build {
  readonly done: Promise<BuiltEngine>;
  /** Makes `done` fail with `CANCELLED` at TensorRT's next step; harmless when the build is over. */
  cancel(): void;
}

export interface Bucket {
  readonly batch: number;
  readonly sequence: number;
}

export interface LoadOptions {
  /** Each must lie within a profile of the plan. */
  readonly buckets: readonly Bucket[];
  /** Replays one CUDA graph a bucket instead of enqueueing layer by layer. */
  readonly graphs: boolean;
}

export interface NativeEngineInfo {
  /** What TensorRT's engine inspector says, JSON. */
  readonly layers: string;
  readonly planBytes: number;
  /** Device memory that loading took by the driver's count: weights, contexts, activations, graphs. */
  readonly deviceBytes: number;
  /** Of these, the one block that all contexts share for activations. */
  readonly activationBytes: number;
  readonly hidden: number;
  readonly profiles: readonly Profile[];
}

/** The number of a loaded engine. */
export type EngineHandle = number;

/**
 * The native boundary. What goes wrong is an `Error` with a `code` of {@link NativeCode} and TensorRT's own
 * words in its message; what waits, does so on threads of the addon's own.
 */
export interface NativeAddon {
  /** Opens TensorRT, CUDA and the driver on first use. */
  runtimeInfo(): RuntimeInfo;
  setLogSink(sink: LogSink | null): void;
  /** Gives TensorRT the creators of a plugin library. */
  loadPlugins(path: string): void;
  buildEngine(onnx: Uint8Array, options: BuildOptions, onProgress: (progress: BuildProgress) => void): Build;
  loadEngine(plan: Uint8Array, options: LoadOptions): Promise<EngineHandle>;
  engineInfo(engine: EngineHandle): NativeEngineInfo;
  /** GPU µs of each of `repeats` runs of a bucket, every utterance at full length. */
  warmup(engine: EngineHandle, batch: number, sequence: number, repeats: number): Promise<Float64Array>;
  /**
   * Embeddings of `ids` `[size, sequence]` and `lengths` `[size]` into `out` `[size, hidden]`, in the nearest
   * bucket. Gives the GPU µs. `ids` and `lengths` are copied at once; `out` is written when the promise settles.
   */
  infer(
    engine: EngineHandle,
    ids: Int32Array,
    lengths: Int32Array,
    size: number,
    sequence: number,
    out: Float32Array,
  ): Promise<number>;
  /** After what was asked of it before; whatever is asked of it later fails with `UNLOADED`. */
  unloadEngine(engine: EngineHandle): Promise<void>;
  /** mJ since the driver was loaded. */
  readGpuEnergy(): number;
}

export const nativeCodes = [
  'BAD_ARGUMENT',
  'NO_TENSORRT',
  'NO_CUDA',
  'NO_GPU',
  'WRONG_VERSION',
  'PLUGIN',
  'PARSE_FAILED',
  'BUILD_FAILED',
  'CANCELLED',
  'BAD_ENGINE',
  'OUT_OF_MEMORY',
  'CUDA',
  'NO_METER',
  'UNLOADED',
  'INTERNAL',
] as const;

export type NativeCode = (typeof nativeCodes)[number];

/** The code of an error that came out of the addon; `undefined` for any other. */
export function nativeCode(error: unknown): NativeCode | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return nativeCodes.find((known) => known === code);
}

const functions = [
  'runtimeInfo',
  'setLogSink',
  'loadPlugins',
  'buildEngine',
  'loadEngine',
  'engineInfo',
  'warmup',
  'infer',
  'unloadEngine',
  'readGpuEnergy',
] as const satisfies readonly (keyof NativeAddon)[];

/** Where the addon is looked for: `INTENTD_NATIVE`, else where `npm run build:native` puts it. */
export function addonPath(environment: NodeJS.ProcessEnv = process.env): string {
  return environment['INTENTD_NATIVE'] || packageFile('build/Release/intentd_native.node');
}

/**
 * Loads the addon. It loads where neither TensorRT nor a GPU is: `runtimeInfo` tells.
 *
 * @throws IntentdError `no_addon` if it is not there, cannot be loaded, or is not this version's.
 */
export function loadAddon(path = addonPath()): NativeAddon {
  if (!existsSync(path)) {
    throw new IntentdError(
      'no_addon',
      `The TensorRT addon ${path} is not there; build it with npm run build:native, or name it in INTENTD_NATIVE.`,
    );
  }
  let loaded: unknown;
  try {
    loaded = createRequire(import.meta.url)(path);
  } catch (cause) {
    throw new IntentdError('no_addon', `The TensorRT addon ${path} cannot be loaded: ${messageOf(cause)}`, {
      cause,
    });
  }
  const missing = functions.filter((name) => typeof (loaded as Record<string, unknown>)[name] !== 'function');
  if (missing.length > 0) {
    throw new IntentdError(
      'no_addon',
      `${path} is not this version's TensorRT addon: it has no ${missing.join(', ')}; build it with npm run build:native.`,
    );
  }
  return loaded as NativeAddon;
}
