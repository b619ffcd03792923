import type { BareEngine } from './bareEngine.js';
import type { MemoryFigures } from './memory.js';
import type { Qos } from './loadClient.js';
import type { Percentiles } from './tally.js';

/** One utterance at a time. */
export interface LatencyFigures extends Percentiles {
  readonly qos: Qos;
  readonly requests: number;
  /** The engine's part of the median answer, as the answers tell it. */
  readonly engineP50Ms: number | null;
}

export interface SustainedFigures {
  readonly qos: Qos;
  readonly outstanding: number;
  readonly perSecond: number;
  readonly refused: number;
  readonly silent: number;
}

export interface OverloadFigures {
  readonly seconds: number;
  readonly offeredPerSecond: number;
  readonly deadlineMs: number;
  readonly sent: number;
  readonly answered: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly silent: number;
  /** Answers that came a second time. */
  readonly repeated: number;
  readonly served: Percentiles;
  readonly refusals: Percentiles;
  readonly daemon: MemoryFigures | undefined;
}

/** What `intentd bench daemon` measured; `undefined` where it could not. */
export interface DaemonFigures {
  /** What answered, as `id version`. */
  readonly model: string | undefined;
  readonly latency: readonly LatencyFigures[];
  readonly bare: BareEngine | undefined;
  readonly sustained: readonly SustainedFigures[];
  readonly overload: OverloadFigures;
  readonly admission: { readonly perSecond: number; readonly outstanding: number } | undefined;
  readonly idleMib: number | undefined;
  readonly workerMib: number | undefined;
  readonly startMs: number | undefined;
}
