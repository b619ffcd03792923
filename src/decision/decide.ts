import { IntentdError, type RankedIntent } from '../base/index.js';
import { partition, probabilityOf } from './probability.js';
import type { DecisionRules } from './rules.js';
import { outOfScopeScore, type Outputs } from './score.js';

export interface DecideOptions {
  /** Only these intents may be the answer; all if absent. */
  readonly intentFilter?: readonly string[];
  /** How many alternatives to name; 3 if absent. */
  readonly topK?: number;
}

/** What an utterance means, as far as the model can tell. */
export interface Decision {
  /** `null` where the utterance is out of scope. */
  readonly intent: string | null;
  /** Calibrated probability, 0 to 1, of the best candidate: also where it was rejected. */
  readonly confidence: number;
  readonly outOfScope: boolean;
  /** The two best candidates are closer than the margin; never where the utterance is out of scope. */
  readonly ambiguous: boolean;
  /** The next best intents, best first; where the utterance is out of scope, the best ones. */
  readonly alternatives: readonly RankedIntent[];
  /** The out-of-scope score that was held against the threshold. */
  readonly score: number;
}

/**
 * Decides on one utterance.
 *
 * Under an intent filter the candidates share the probability of 1 among themselves, so `confidence` says
 * which of them is meant. Whether any is meant is the score's question, and there every other intent counts
 * as something else (see {@link outOfScopeScore}): under the filter `["yes", "no"]`, "play music" is out of
 * scope, and not a confident "no".
 *
 * @throws IntentdError `bad_request` for a filter that is empty or names an unknown intent, `bad_output` for
 * logits of another number than the rules', or that are not finite.
 */
export function decide(outputs: Outputs, rules: DecisionRules, options: DecideOptions = {}): Decision {
  const { logits } = outputs;
  checkLogits(logits, rules);
  const candidates = options.intentFilter && readFilter(options.intentFilter, rules);
  const topK = options.topK ?? 3;
  const ranked = best(logits, candidates ?? rules.intents.length, Math.max(2, topK + 1));
  const all = partition(logits.subarray(0, rules.intents.length), rules.temperature, candidates);
  const probability = (index: number): number => probabilityOf(logits[index]!, all);
  const name = (index: number): RankedIntent => ({
    intent: rules.intents[index]!,
    confidence: probability(index),
  });
  const score = outOfScopeScore(rules.outOfScope.score, outputs, rules, candidates);
  const outOfScope = score < rules.outOfScope.threshold;
  const [first, second] = ranked;
  const margin = second === undefined ? Infinity : probability(first!) - probability(second);
  return {
    intent: outOfScope ? null : rules.intents[first!]!,
    confidence: probability(first!),
    outOfScope,
    ambiguous: !outOfScope && margin < rules.ambiguityMargin,
    alternatives: (outOfScope ? ranked.slice(0, topK) : ranked.slice(1, topK + 1)).map(name),
    score,
  };
}

function checkLogits(logits: Float32Array, rules: DecisionRules): void {
  const expected = rules.intents.length + rules.background;
  if (logits.length !== expected) {
    throw new IntentdError('bad_output', `The engine gave ${logits.length} logits, not ${expected}.`);
  }
  if (!logits.every(Number.isFinite)) {
    throw new IntentdError('bad_output', 'The engine gave logits that are not finite numbers.');
  }
}

function readFilter(filter: readonly string[], rules: DecisionRules): number[] {
  if (filter.length === 0) {
    throw new IntentdError(
      'bad_request',
      'intentFilter is empty: name at least one intent, or leave it out.',
    );
  }
  const indices = new Set<number>();
  for (const intent of filter) {
    const index = rules.indexOf.get(intent);
    if (index === undefined) {
      throw new IntentdError(
        'bad_request',
        `intentFilter names ${JSON.stringify(intent)}, which is no intent of the model.`,
      );
    }
    indices.add(index);
  }
  return [...indices];
}

/** The candidates of the largest logits, largest first; of equal ones the earlier intent first. */
function best(logits: Float32Array, candidates: number | readonly number[], count: number): number[] {
  const found: number[] = [];
  const consider = (index: number): void => {
    let at = found.length;
    while (at > 0 && isBefore(logits, index, found[at - 1]!)) at -= 1;
    if (at >= count) return;
    found.splice(at, 0, index);
    if (found.length > count) found.pop();
  };
  if (typeof candidates === 'number') for (let index = 0; index < candidates; index += 1) consider(index);
  else candidates.forEach(consider);
  return found;
}

function isBefore(logits: Float32Array, a: number, b: number): boolean {
  return logits[a]! > logits[b]! || (logits[a] === logits[b] && a < b);
}
