import { logSumExp, partition, probabilityOf } from './probability.js';
import type { DecisionRules, ScoreKind } from './rules.js';

/** The raw outputs for one utterance. */
export interface Outputs {
  /** `[intents + background]`, background rows last. */
  readonly logits: Float32Array;
  /** `[hidden]`, of any length. */
  readonly embedding: Float32Array;
}

/**
 * How much an utterance belongs to the candidate intents: higher is more. The formulas are those of
 * docs/bundle-format.md; among fewer candidates than all intents, an intent that is no candidate counts as
 * something else: it stays in the denominator of `maxProbability` and joins the background of `background`.
 *
 * @param candidates indices of intents, each once; all of them if absent
 */
export function outOfScopeScore(
  kind: ScoreKind,
  { logits, embedding }: Outputs,
  rules: Pick<DecisionRules, 'intents' | 'temperature' | 'centroids'>,
  candidates?: readonly number[],
): number {
  const count = rules.intents.length;
  const intents = logits.subarray(0, count);
  switch (kind) {
    case 'maxProbability': {
      const { temperature } = rules;
      return probabilityOf(largest(intents, candidates), partition(intents, temperature));
    }
    case 'maxLogit':
      return largest(intents, candidates);
    case 'energy':
      return logSumExp(intents, 1, candidates);
    case 'background':
      return (
        logSumExp(intents, 1, candidates) - logSumExp(logits, 1, others(logits.length, count, candidates))
      );
    case 'centroid':
      return largest(cosines(embedding, rules.centroids!, count), candidates);
  }
}

function largest(values: Float32Array, indices: readonly number[] | undefined): number {
  let best = -Infinity;
  if (indices === undefined) for (const value of values) best = Math.max(best, value);
  else for (const index of indices) best = Math.max(best, values[index]!);
  return best;
}

/** Background rows, and intents that are no candidates. */
function others(outputs: number, intents: number, candidates: readonly number[] | undefined): number[] {
  const found = Array.from({ length: outputs - intents }, (_, row) => intents + row);
  if (candidates === undefined) return found;
  const wanted = new Set(candidates);
  for (let index = 0; index < intents; index += 1) if (!wanted.has(index)) found.push(index);
  return found;
}

/** Cosine of the embedding with each centroid; 0 for an embedding of no length. */
function cosines(embedding: Float32Array, centroids: Float32Array, intents: number): Float32Array {
  const hidden = embedding.length;
  let squares = 0;
  for (const value of embedding) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  const result = new Float32Array(intents);
  for (let intent = 0; intent < intents; intent += 1) {
    let product = 0;
    for (let at = 0; at < hidden; at += 1) product += embedding[at]! * centroids[intent * hidden + at]!;
    result[intent] = product / length;
  }
  return result;
}
