/** What a meter's figures hold: the whole module or board, the GPU alone, or the processor packages. */
export type Covers = 'board' | 'gpu' | 'package';

export interface MeterInfo {
  readonly kind: 'ina3221' | 'rapl' | 'nvml';
  /** The board or processor, as it names itself; `''` where it does not. */
  readonly device: string;
  readonly rails: readonly string[];
  readonly covers: Covers;
  /** How the total comes about: the rail that is the total, or `sum of …`. */
  readonly total: string;
}

/** One reading of all rails: power at that moment, or energy since some moment before. */
export interface Sample {
  /** Reading of the monotonic clock, in milliseconds. */
  readonly at: number;
  readonly unit: 'mW' | 'mJ';
  readonly total: number;
  /** In the order of {@link MeterInfo.rails}. */
  readonly rails: readonly number[];
}

/** A meter that is read when asked. */
export interface PolledMeter {
  readonly info: MeterInfo;
  /**
   * @param now the monotonic clock, in milliseconds
   * @throws IntentdError `bad_reading` where a rail is gone or says what no rail can
   */
  read(now: () => number): Promise<Sample>;
  close(): void;
}

/** Told of every sample, and of why there is none. */
export interface MeterListener {
  readonly onSample: (sample: Sample) => void;
  readonly onFault: (reason: string) => void;
}

/** A meter that gives samples by itself, until it is stopped. */
export interface Meter {
  readonly info: MeterInfo;
  /** Time between two samples at present, in milliseconds. */
  readonly intervalMs: number;
  start(listener: MeterListener): void;
  stop(): void;
}

/** A meter, or why there is none. */
export type Detected = { readonly meter: Meter } | { readonly meter: null; readonly reason: string };
