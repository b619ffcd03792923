import type { MeterInfo } from '../../../telemetry/index.js';
import type { Percentiles } from '../tally.js';

/** The least, the middle and the most of some figures. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** What one engine did in one round. */
export interface Round {
  readonly utterances: number;
  readonly seconds: number;
  /** Energy of an utterance, idle power included, in mJ. */
  readonly energyMj: number;
  /** The same above the idle floor; may be negative, since samples are noisy. */
  readonly aboveIdleMj: number;
}

export interface EngineFigures extends Percentiles {
  readonly name: string;
  readonly attention: 'plugin' | 'standard' | null;
  readonly precision: string;
  /** Of the TensorRT plan, or of the graph that ONNX Runtime was given. */
  readonly bytes: number;
  readonly products: { readonly all: number; readonly sparse: number } | null;
  readonly inScopeAccuracy: number | null;
  readonly rounds: readonly Round[];
  readonly energyMj: Spread;
  readonly aboveIdleMj: Spread;
  readonly perSecond: Spread;
}

/** How the energy of one engine is to that of another, round by round: 0.62 saves 38 %. */
export interface Ratio {
  readonly engine: string;
  readonly against: string;
  readonly energy: Spread;
  /** `null` where an engine drew no more than the idle floor. */
  readonly aboveIdle: Spread | null;
  readonly bytes: number;
}

/** What `intentd bench energy` measured. */
export interface EnergyFigures {
  readonly model: {
    readonly id: string;
    readonly version: string;
    /** Of all files of the bundle. */
    readonly bytes: number;
    /** Share of the linear weights that is zero in the 2:4 pattern. */
    readonly sparsity: number;
  };
  readonly device: { readonly gpu: string; readonly tensorrt: string; readonly driver: string } | null;
  readonly meter: MeterInfo & { readonly sampleMs: number };
  /** What is drawn while nothing runs: measured before, which is what is subtracted, and again afterwards. */
  readonly idle: { readonly beforeMw: number; readonly afterMw: number; readonly seconds: number };
  readonly stream: {
    readonly utterances: number;
    readonly meanTokens: number;
    readonly batch: number;
    readonly secondsAnEngine: number;
    readonly rounds: number;
  };
  readonly engines: readonly EngineFigures[];
  readonly ratios: readonly Ratio[];
}

/** @param values at least one */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}

/** Each engine against every one behind it in the list. */
export function ratiosOf(engines: readonly EngineFigures[]): Ratio[] {
  return engines.flatMap((engine, at) => engines.slice(at + 1).map((against) => ratioOf(engine, against)));
}

function ratioOf(engine: EngineFigures, against: EngineFigures): Ratio {
  const of = (figure: 'energyMj' | 'aboveIdleMj'): number[] =>
    engine.rounds.map((round, at) => round[figure] / against.rounds[at]![figure]);
  const drewNothing = [...engine.rounds, ...against.rounds].some(({ aboveIdleMj }) => aboveIdleMj <= 0);
  return {
    engine: labelOf(engine),
    against: labelOf(against),
    energy: spreadOf(of('energyMj')),
    aboveIdle: drewNothing ? null : spreadOf(of('aboveIdleMj')),
    bytes: engine.bytes / against.bytes,
  };
}

/** How an engine is called beside others. */
export function labelOf({ name, attention }: Pick<EngineFigures, 'name' | 'attention'>): string {
  return attention === 'plugin' ? `${name}, plugin` : name;
}
