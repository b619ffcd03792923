import type { Clock } from '../../base/index.js';
import type { ServedModel } from '../../requests/index.js';
import { askBatch } from '../asking.js';
import type { Pacer } from './pacer.js';
import { Comparison, type Sample } from './sample.js';

export interface SideBySideParts {
  readonly pacer: Pacer;
  readonly clock: Clock;
}

export interface Pair {
  readonly serving: ServedModel;
  readonly trial: ServedModel;
}

/** Utterances that one engine is asked before it is the other's turn. */
const stintLength = 20;
/** Utterances before each stint that do not count. */
const warmUps = 3;

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
): Promise<Comparison> {
  const comparison = new Comparison();
  const warmUp = texts.slice(0, warmUps);
  const stintOf = (which: 'serving' | 'trial', stint: readonly string[]): Promise<Said[]> => {
    const model = which === 'serving' ? serving : trial;
    const notes = { sample: comparison[which], clock: parts.clock };
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
  return comparison;
}

/** The intent, `null` out of scope, `undefined` where the engine failed. */
type Said = string | null | undefined;

interface Notes {
  readonly sample: Sample;
  readonly clock: Clock;
}

/** What fails is noted, unless it does not count. */
async function askOne(model: ServedModel, text: string, notes: Notes | undefined): Promise<Said> {
  const tokens = model.tokenizer.encode(text);
  const began = notes?.clock.now() ?? 0;
  try {
    const { decisions, workerUs } = await askBatch(model, [tokens]);
    const { intent, outOfScope } = decisions[0]!;
    const wholeMs = (notes?.clock.now() ?? 0) - began;
    const workedMs = workerUs === undefined ? wholeMs : workerUs / 1000;
    notes?.sample.answered(workedMs, outOfScope);
    return intent;
  } catch {
    // Counted, and held against the engine by whoever reads the sample.
    notes?.sample.failed();
    return undefined;
  }
}
