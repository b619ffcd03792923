/** Which attention an engine is built with: the project's plugin, or TensorRT's own. */
export type AttentionKind = 'plugin' | 'standard';

/** How engines are built, wherever: part of what an engine is known by. */
export interface BuildSettings {
  readonly attention: AttentionKind;
  /** `int8`: sparse tactics allowed, and dense; `all`: FP16 dense as well. */
  readonly candidates: 'int8' | 'all';
  /** TensorRT's builder optimization level, 0…5. */
  readonly builderLevel: number;
  readonly workspaceMib: number;
  readonly weights: ChoiceWeights;
}

/** What counts how much when one of the candidates is chosen; see `chooseEngine`. */
export interface ChoiceWeights {
  readonly latency: number;
  readonly energy: number;
  readonly memory: number;
  /** Weights of buckets by name (`1x16`); all count the same where none is named. */
  readonly buckets: Readonly<Record<string, number>>;
}

/** Where a process that uses TensorRT finds what is not its own. */
export interface NativePaths {
  readonly addon: string;
  /** The plugin library; needed where attention is the plugin's. */
  readonly plugins: string;
}

/** What the daemon asks of a builder, as JSON in its first argument. */
export interface BuildTask {
  readonly folder: string;
  readonly paths: NativePaths;
  readonly settings: BuildSettings;
  readonly timingCache: string;
  /** Where the engine will be kept: its file system must have room. */
  readonly enginesFolder: string;
  /** How long each bucket of each candidate is timed, in milliseconds. */
  readonly measureMs: number;
}
