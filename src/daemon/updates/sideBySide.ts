import type { Clock } from '../../base/index.js';
import type { ObservedBatch, ServedModel } from '../../requests/index.js';
import { askBatch } from '../asking.js';
import type { Pacer } from './pacer.js';
import { Comparison, type Sample } from './sample.js';

/** What measures energy, as telemetry does. */
export interface EnergyMeter {
  began(tokens: number, size: number): ObservedBatch;
  ended(batch: ObservedBatch): void;
  /** What a batch drew, in mJ, once the samples are in; `null` where nothing measured it. */
  costMj(batch: ObservedBatch): Promise<number | null>;
  /** Why nothing measures; `null` where all is well. */
  readonly fault: string | null;
}

export interface SideBySideParts {
  readonly meter: EnergyMeter;
  readonly pacer: Pacer;
  readonly clock: Clock;
}

export interface Pair {
  readonly serving: ServedModel;
  readonly trial: ServedModel;
}

/** Two engines on the same utterances by turns, and what an utterance drew, in mJ; `null` where that is not known. */
export interface SideBySide {
  readonly comparison: Comparison;
  readonly servingMj: number | null;
  readonly trialMj: number | null;
}

/** Utterances that one engine is asked before it is the other's turn. */
const stintLength = 20;
/** Utterances before each stint that do not count. */
const warmUps = 3;
/** Share of the utterances whose energy has to be known. */
const knownEnough = 0.8;

/**
 * Asks both models the same utterances, one at a time, in stints by turns, at the pace of the pacer. Each stint begins
 * with some that do not count: an engine that stood idle finds its caches and its processor cold.
 *
 * @throws the signal's reason
 */
export async function measureSideBySide(
  { serving, trial }: Pair,
  texts: readonly string[],
  parts: SideBySideParts,
  signal: AbortSignal,
): Promise<SideBySide> {
  const comparison = new Comparison();
  const costs = { serving: new Costs(parts.meter), trial: new Costs(parts.meter) };
  const warmUp = texts.slice(0, warmUps);
  const stintOf = (which: 'serving' | 'trial', stint: readonly string[]): Promise<Said[]> => {
    const model = which === 'serving' ? serving : trial;
    const notes = { sample: comparison[which], costs: costs[which], clock: parts.clock };
    const ask = async (): Promise<Said[]> => {
      for (const text of warmUp) await askOne(model, text, undefined);
      const said: Said[] = [];
      for (const text of stint) said.push(await askOne(model, text, notes));
      return said;
    };
    signal.throwIfAborted();
    // The one that serves takes these in its turn, among its requests.
    return which === 'serving' ? ask() : parts.pacer.spend(ask, signal);
  };
  for (let at = 0; at < texts.length; at += stintLength) {
    const stint = texts.slice(at, at + stintLength);
    const theirs = await stintOf('serving', stint);
    const mine = await stintOf('trial', stint);
    stint.forEach((_, one) => {
      if (theirs[one] !== undefined && mine[one] !== undefined) comparison.note(theirs[one], mine[one]);
    });
  }
  const [servingMj, trialMj] = await Promise.all([costs.serving.meanMj(), costs.trial.meanMj()]);
  return { comparison, servingMj, trialMj };
}

/** The intent, `null` out of scope, `undefined` where the engine failed. */
type Said = string | null | undefined;

interface Notes {
  readonly sample: Sample;
  readonly costs: Costs;
  readonly clock: Clock;
}

/** What fails is noted, unless it does not count. */
async function askOne(model: ServedModel, text: string, notes: Notes | undefined): Promise<Said> {
  const tokens = model.tokenizer.encode(text);
  const end = notes?.costs.begin(tokens.ids.length);
  const began = notes?.clock.now() ?? 0;
  try {
    const { decisions, workerUs } = await askBatch(model, [tokens]);
    const { intent, outOfScope } = decisions[0]!;
    const wholeMs = (notes?.clock.now() ?? 0) - began;
    const workedMs = workerUs === undefined ? wholeMs : workerUs / 1000;
    notes?.sample.answered(workedMs, outOfScope);
    end?.(workedMs / wholeMs);
    return intent;
  } catch {
    // Counted, and held against the engine by whoever reads the sample.
    notes?.sample.failed();
    end?.(0);
    return undefined;
  }
}

/** What single utterances drew. */
class Costs {
  readonly #meter: EnergyMeter;
  readonly #costs: Promise<number | null>[] = [];

  constructor(meter: EnergyMeter) {
    this.#meter = meter;
  }

  /**
   * An utterance goes to the engine; call what this returns when it came back, with the share of the time in which
   * the worker was at it: before that it may have waited for others, whose energy is not its own.
   */
  begin(tokens: number): (share: number) => void {
    const batch = this.#meter.began(tokens, 1);
    return (share) => {
      this.#meter.ended(batch);
      const cost = this.#meter.costMj(batch);
      if (share > 0) this.#costs.push(cost.then((mj) => (mj === null ? null : mj * Math.min(1, share))));
    };
  }

  async meanMj(): Promise<number | null> {
    const known = (await Promise.all(this.#costs)).filter((cost) => cost !== null);
    if (known.length === 0 || known.length < knownEnough * this.#costs.length) return null;
    return known.reduce((sum, cost) => sum + cost, 0) / known.length;
  }
}
