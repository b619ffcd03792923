/** A range that holds a figure with the given probability. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** How many times to draw; 2,000 if absent. */
  readonly resamples?: number;
  /** The same seed gives the same interval. */
  readonly seed?: number;
  /** Probability that the interval holds the figure; 0.95 if absent. */
  readonly level?: number;
}

/**
 * Area under the ROC curve of telling out-of-scope utterances by a low score: the probability that one has
 * a lower score than one in scope, ties counted half. Exact. `NaN` where either has no utterances.
 */
export function auroc(inScope: readonly number[], outOfScope: readonly number[]): number {
  const ranks = rank(inScope, outOfScope);
  return areaOf(ranks, counts(ranks.inScope, ranks.size), counts(ranks.outOfScope, ranks.size));
}

/** Percentile bootstrap interval of {@link auroc}: both groups are drawn again, each with its own size. */
export function aurocInterval(
  inScope: readonly number[],
  outOfScope: readonly number[],
  options: BootstrapOptions = {},
): Interval {
  const { resamples = 2_000, seed = 1, level = 0.95 } = options;
  const ranks = rank(inScope, outOfScope);
  const random = seeded(seed);
  const areas = Float64Array.from({ length: resamples }, () =>
    areaOf(ranks, draw(ranks.inScope, ranks.size, random), draw(ranks.outOfScope, ranks.size, random)),
  ).sort();
  const at = (share: number): number => areas[Math.round(share * (resamples - 1))]!;
  return { low: at((1 - level) / 2), high: at((1 + level) / 2) };
}

/** Each utterance's place among the distinct scores, lowest first, and how many there are. */
interface Ranks {
  readonly inScope: Int32Array;
  readonly outOfScope: Int32Array;
  readonly size: number;
}

function rank(inScope: readonly number[], outOfScope: readonly number[]): Ranks {
  const distinct = [...new Set([...inScope, ...outOfScope])].sort((a, b) => a - b);
  const places = new Map(distinct.map((score, place) => [score, place]));
  const placesOf = (scores: readonly number[]): Int32Array =>
    Int32Array.from(scores, (score) => places.get(score)!);
  return { inScope: placesOf(inScope), outOfScope: placesOf(outOfScope), size: distinct.length };
}

function areaOf(ranks: Ranks, inScope: Int32Array, outOfScope: Int32Array): number {
  let lower = 0;
  let wins = 0;
  for (let place = 0; place < ranks.size; place += 1) {
    wins += inScope[place]! * (lower + outOfScope[place]! / 2);
    lower += outOfScope[place]!;
  }
  return wins / (ranks.inScope.length * ranks.outOfScope.length);
}

function counts(places: Int32Array, size: number): Int32Array {
  const result = new Int32Array(size);
  for (const place of places) result[place]! += 1;
  return result;
}

function draw(places: Int32Array, size: number, random: () => number): Int32Array {
  const result = new Int32Array(size);
  for (let time = 0; time < places.length; time += 1) {
    result[places[Math.floor(random() * places.length)]!]! += 1;
  }
  return result;
}

/** Numbers in [0, 1) from a seed (mulberry32): bootstrap needs no better, and must repeat itself. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
