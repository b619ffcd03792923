import { logSumExp } from './probability.js';

/** Logits with the intent that each belongs to. */
export interface LabelledLogits {
  /** `[size, intents]` row-major, without background rows. */
  readonly logits: Float32Array;
  /** `[size]` indices of intents. */
  readonly targets: Int32Array;
  readonly intents: number;
}

const lowest = 0.02;
const highest = 50;
const golden = (Math.sqrt(5) - 1) / 2;

/**
 * The temperature, 0.02 to 50, under which the right intents are likeliest: the one of the least mean
 * negative log-likelihood. That is convex in 1/T, so golden-section search over log T finds it.
 */
export function fitTemperature(data: LabelledLogits): number {
  const loss = (logT: number): number => negativeLogLikelihood(data, Math.exp(logT));
  let [low, high] = [Math.log(lowest), Math.log(highest)];
  let left = high - golden * (high - low);
  let right = low + golden * (high - low);
  let [atLeft, atRight] = [loss(left), loss(right)];
  while (high - low > 1e-4) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - golden * (high - low);
      atLeft = loss(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + golden * (high - low);
      atRight = loss(right);
    }
  }
  return Math.exp((low + high) / 2);
}

/** Mean of −log of the right intent's probability under a temperature, in nats. */
export function negativeLogLikelihood(data: LabelledLogits, temperature: number): number {
  const { logits, targets, intents } = data;
  let sum = 0;
  for (const [row, target] of targets.entries()) {
    const own = logits.subarray(row * intents, (row + 1) * intents);
    sum += logSumExp(own, temperature) - own[target]! / temperature;
  }
  return sum / targets.length;
}

/**
 * The largest threshold that rejects at most the given share of in-scope utterances, where a score under
 * the threshold is rejected. Equal scores are rejected together or not at all.
 *
 * @param inScope out-of-scope scores of utterances in scope, at least one
 */
export function fitThreshold(inScope: readonly number[], falseRejection = 0.05): number {
  const sorted = Float64Array.from(inScope).sort();
  // 0.05 · 60 is 3.0000000000000004 in floating point, and 0.29 · 100 is 28.999999999999996.
  const rejected = Math.floor(falseRejection * sorted.length + 1e-9);
  return sorted[rejected] ?? Infinity;
}
