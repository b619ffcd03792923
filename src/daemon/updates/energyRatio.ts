/** What an utterance drew with the trial over what it drew with what serves, by one turn of each. */
export interface TurnRatio {
  /** Where what was drawn while real requests ran beside is shared evenly with them, and where all of it is the trial's own. */
  readonly least: number;
  readonly most: number;
}

/** Not told for `noise`, which more turns make less, or for real `requests` beside, which leave it open whatever is measured. */
export type Standing = 'within' | 'beyond' | 'noise' | 'requests';

export interface EnergyRatio {
  readonly standing: Standing;
  /** Geometric mean of the turns, in the middle of what the real requests leave open. */
  readonly ratio: number;
  /** The confidence bounds that it is judged by, each one-sided. */
  readonly least: number;
  readonly most: number;
}

/** One-sided 97.5 % quantiles of Student's t by degrees of freedom, from 1 on. */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069,
] as const;
const manyTurns = 1.96;

/**
 * Where the ratio stands to its bound, as far as the turns tell: beyond it only where the lower confidence bound is, within it
 * only where the upper one is. Ratios multiply, so it is their logarithms that have a mean and a spread.
 *
 * @param turns at least two
 */
export function judgeRatio(turns: readonly TurnRatio[], bound: number): EnergyRatio {
  const low = spreadOf(turns.map(({ least }) => Math.log(least)));
  const high = spreadOf(turns.map(({ most }) => Math.log(most)));
  const [least, most] = [low.mean - low.half, high.mean + high.half];
  const limit = Math.log(bound);
  const isOpen =
    low.mean <= limit && high.mean > limit && high.mean - low.mean > Math.max(low.half, high.half);
  const standing = least > limit ? 'beyond' : most <= limit ? 'within' : isOpen ? 'requests' : 'noise';
  return {
    standing,
    ratio: Math.exp((low.mean + high.mean) / 2),
    least: Math.exp(least),
    most: Math.exp(most),
  };
}

/** The mean, and how far on either side of it the truth may be. */
function spreadOf(values: readonly number[]): { mean: number; half: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const freedom = values.length - 1;
  const quantile = quantiles[freedom - 1] ?? manyTurns;
  return { mean, half: quantile * Math.sqrt(squares / freedom / values.length) };
}
