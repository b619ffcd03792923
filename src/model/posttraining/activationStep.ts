import type { LayerNorm } from '../encoder.js';
import { layerNorm } from './functions.js';
import { halfScale } from './half.js';
import { roundHalfEven } from './quantizeWeights.js';

const limit = 127;
const percentile = 0.9999;
const bins = 1 << 15;
/** Shares of the largest magnitude that are tried as the one which falls on 127. */
const fineShares = Array.from({ length: 140 }, (_, i) => 0.965 ** i);
const coarseShares = Array.from({ length: 48 }, (_, i) => 0.88 ** i);
/** Rows that suffice to compare steps behind a LayerNorm, where each try costs a pass over them. */
const normRows = 512;

/** The step of one activation site, and the relative squared error of it and of other choices. */
export interface StepChoice {
  readonly step: number;
  readonly error: { readonly chosen: number; readonly maximum: number; readonly percentile: number };
}

/** What stands at a site; the first `rows` rows of each of `values` `[…, columns]` count. */
export interface SiteValues {
  readonly values: readonly Float32Array[];
  readonly rows: number;
  readonly columns: number;
}

/** A residual sum and LayerNorm behind a site. */
export interface NormBehind {
  /** `[…, columns]`, added to the site's values. */
  readonly residual: Float32Array;
  readonly norm: LayerNorm;
  readonly epsilon: number;
}

/**
 * Chooses the symmetric INT8 step with the least squared error `Σ importance (x − q(x))²`.
 *
 * @param importance `[columns]`: the energy of the weights that read each column, so that the error is
 *   that of the products behind; all alike if absent.
 */
export function chooseStep(site: SiteValues, importance?: Float32Array): StepChoice {
  const seen = site.values.map((one) => one.subarray(0, site.rows * site.columns));
  const most = largestMagnitude(seen);
  const histogram = new Float64Array(bins);
  for (const one of seen) {
    for (let i = 0; i < one.length; i++) {
      histogram[binOf(one[i]!, most)]! += importance === undefined ? 1 : importance[i % importance.length]!;
    }
  }
  return leastError(seen, most, fineShares, (step) => histogramError(histogram, most, step));
}

/**
 * Chooses the step with the least squared error behind the LayerNorm that follows. There a token with
 * one huge value, which BERT uses as a place to rest attention on, weighs as much as any other; in the
 * plain squared error it would outweigh all of them and leave them a handful of steps.
 */
export function chooseStepBehindNorm(site: SiteValues, { residual, norm, epsilon }: NormBehind): StepChoice {
  const { columns } = site;
  const every = Math.max(1, Math.floor(site.rows / normRows));
  const sample = (all: Float32Array): Float32Array => everyNthRow(all, site.rows, columns, every);
  const values = sample(site.values[0]!);
  const beside = sample(residual);
  const behind = (from: Float32Array): Float32Array =>
    layerNorm(
      from.map((value, i) => value + beside[i]!),
      norm,
      epsilon,
    );
  const wanted = behind(values);
  const carried = wanted.reduce((sum, value) => sum + value * value, 0);
  return leastError([values], largestMagnitude([values]), coarseShares, (step) => {
    const rounded = values.slice();
    snapToStep(rounded, step);
    const lost = behind(rounded).reduce((sum, value, i) => sum + (value - wanted[i]!) ** 2, 0);
    return carried === 0 ? 0 : lost / carried;
  });
}

/** Rounds values to multiples of the step within ±127 steps, in place. */
export function snapToStep(values: Float32Array, step: number): void {
  for (let i = 0; i < values.length; i++) {
    values[i] = Math.max(-limit, Math.min(limit, roundHalfEven(values[i]! / step))) * step;
  }
}

function leastError(
  seen: readonly Float32Array[],
  most: number,
  shares: readonly number[],
  errorOf: (step: number) => number,
): StepChoice {
  if (most === 0) return { step: halfScale(1 / limit), error: { chosen: 0, maximum: 0, percentile: 0 } };
  const maximum = errorOf(halfScale(most / limit));
  let step = halfScale(most / limit);
  let chosen = maximum;
  for (const share of shares) {
    const candidate = halfScale((most * share) / limit);
    const error = errorOf(candidate);
    if (error < chosen) [chosen, step] = [error, candidate];
  }
  const atPercentile = errorOf(halfScale(percentileOf(seen, most) / limit));
  return { step, error: { chosen, maximum, percentile: atPercentile } };
}

function histogramError(histogram: Float64Array, most: number, step: number): number {
  let lost = 0;
  let carried = 0;
  for (let bin = 0; bin < bins; bin++) {
    const weight = histogram[bin]!;
    if (weight === 0) continue;
    const magnitude = ((bin + 0.5) / bins) * most;
    const snapped = Math.min(limit, roundHalfEven(magnitude / step)) * step;
    lost += weight * (magnitude - snapped) ** 2;
    carried += weight * magnitude ** 2;
  }
  return carried === 0 ? 0 : lost / carried;
}

function percentileOf(seen: readonly Float32Array[], most: number): number {
  const counts = new Float64Array(bins);
  for (const one of seen) for (const value of one) counts[binOf(value, most)]! += 1;
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  const bin = counts.findIndex((count) => (below += count) >= percentile * total);
  return ((bin + 1) / bins) * most;
}

function binOf(value: number, most: number): number {
  return Math.min(bins - 1, Math.floor((Math.abs(value) / most) * bins));
}

function largestMagnitude(seen: readonly Float32Array[]): number {
  let most = 0;
  for (const one of seen) for (const value of one) most = Math.max(most, Math.abs(value));
  return most;
}

function everyNthRow(all: Float32Array, rows: number, columns: number, every: number): Float32Array {
  const sample = new Float32Array(Math.ceil(rows / every) * columns);
  for (let row = 0; row < rows; row += every) {
    sample.set(all.subarray(row * columns, (row + 1) * columns), (row / every) * columns);
  }
  return sample;
}
