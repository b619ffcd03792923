import { auroc, aurocInterval, type BootstrapOptions, type Interval } from './auroc.js';
import { fitThreshold } from './fitting.js';

/** What a model made of an utterance whose intent is known. */
export interface Judged {
  /** `null` is out of scope. */
  readonly expected: string | null;
  /** The intent of the largest probability, whether or not it was rejected. */
  readonly best: string;
  /** The probability of `best`. */
  readonly confidence: number;
  /** The out-of-scope score, higher for utterances in scope. */
  readonly score: number;
}

export interface ConfusedPair {
  readonly expected: string;
  readonly answered: string;
  readonly count: number;
}

/** How well a model decides: fractions between 0 and 1, `null` where there is nothing out of scope. */
export interface Figures {
  readonly inScope: number;
  readonly outOfScope: number;
  /** Share of in-scope utterances whose best intent is right, nothing rejected. */
  readonly inScopeAccuracy: number;
  /** Area under the ROC curve, out of scope against in scope. */
  readonly oosAuroc: number | null;
  /** 95 % bootstrap interval of `oosAuroc`. */
  readonly oosAurocInterval: Interval | null;
  /** Share of out-of-scope utterances found when 5 % of those in scope are rejected. */
  readonly oosRecallAt5: number | null;
  /** Expected calibration error over in-scope utterances, 15 bins of equal width. */
  readonly ece: number;
  /** At the bundle's own threshold. */
  readonly atThreshold: {
    /** Share of in-scope utterances answered rightly; a rejected one is wrong. */
    readonly inScopeAccuracy: number;
    readonly oosRecall: number | null;
    /** Share of in-scope utterances rejected. */
    readonly falseRejection: number;
  };
  /** Most frequent first. */
  readonly confused: readonly ConfusedPair[];
}

/**
 * Figures of a model over utterances of known intent, out of scope being the positive class.
 *
 * @param threshold scores under it are rejected
 * @throws RangeError without an utterance in scope
 */
export function measure(
  judged: readonly Judged[],
  threshold: number,
  bootstrap: BootstrapOptions = {},
): Figures {
  const inScope = judged.filter(({ expected }) => expected !== null);
  const outside = judged.filter(({ expected }) => expected === null);
  if (inScope.length === 0) throw new RangeError('figures need at least one utterance in scope');
  const inScores = inScope.map(({ score }) => score);
  const outScores = outside.map(({ score }) => score);
  const ofOutside = <T>(figure: () => T): T | null => (outside.length === 0 ? null : figure());
  const isRejected = ({ score }: Judged): boolean => score < threshold;
  const isRight = ({ expected, best }: Judged): boolean => expected === best;
  return {
    inScope: inScope.length,
    outOfScope: outside.length,
    inScopeAccuracy: share(inScope, isRight),
    oosAuroc: ofOutside(() => auroc(inScores, outScores)),
    oosAurocInterval: ofOutside(() => aurocInterval(inScores, outScores, bootstrap)),
    oosRecallAt5: ofOutside(() => recallAt(inScores, outScores, 0.05)),
    ece: calibrationError(inScope),
    atThreshold: {
      inScopeAccuracy: share(inScope, (one) => isRight(one) && !isRejected(one)),
      oosRecall: ofOutside(() => share(outside, isRejected)),
      falseRejection: share(inScope, isRejected),
    },
    confused: confusedPairs(inScope).slice(0, 10),
  };
}

/** Share of out-of-scope scores under the largest threshold that rejects so much of what is in scope. */
export function recallAt(
  inScope: readonly number[],
  outOfScope: readonly number[],
  falseRejection: number,
): number {
  const threshold = fitThreshold(inScope, falseRejection);
  return share(outOfScope, (score) => score < threshold);
}

/** Mean gap between confidence and accuracy over bins of equal width, each by its share of utterances. */
export function calibrationError(inScope: readonly Judged[], bins = 15): number {
  const gaps = new Float64Array(bins);
  for (const { confidence, expected, best } of inScope) {
    gaps[Math.min(bins - 1, Math.floor(confidence * bins))]! += confidence - (expected === best ? 1 : 0);
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / inScope.length;
}

function confusedPairs(inScope: readonly Judged[]): ConfusedPair[] {
  const pairs = new Map<string, ConfusedPair>();
  for (const { expected, best } of inScope) {
    if (expected === null || expected === best) continue;
    const key = JSON.stringify([expected, best]);
    pairs.set(key, { expected, answered: best, count: (pairs.get(key)?.count ?? 0) + 1 });
  }
  return [...pairs.entries()]
    .sort(([keyA, a], [keyB, b]) => b.count - a.count || (keyA < keyB ? -1 : 1))
    .map(([, pair]) => pair);
}

function share<T>(all: readonly T[], holds: (one: T) => boolean): number {
  return all.filter(holds).length / all.length;
}
