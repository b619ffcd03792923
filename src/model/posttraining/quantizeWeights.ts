import type { Matrix } from '../encoder.js';
import { halfScale } from './half.js';

const limit = 127;
/** Shares of a row's largest magnitude that are tried as the one which falls on 127. */
const shares = Array.from({ length: 15 }, (_, i) => 1 - i * 0.03);

type Int8Matrix = Extract<Matrix, { kind: 'int8' }>;

/**
 * INT8 with one scale a row, symmetric. With `moments` the scale is the one that loses least,
 * `Σ (w − w')² moments`, over a grid of clipping points; without, nothing is clipped.
 *
 * @param weight `[rows, columns]` row-major.
 * @param moments `[columns]`, the second moment of the input each column multiplies.
 * @param sparse says that `weight` is 2:4 and to be stored packed.
 */
export function quantizeRows(
  weight: Float32Array,
  rows: number,
  columns: number,
  options: { readonly moments?: Float32Array; readonly sparse?: boolean } = {},
): Int8Matrix {
  const data = new Int8Array(weight.length);
  const scale = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const values = weight.subarray(row * columns, (row + 1) * columns);
    const chosen = rowScale(values, options.moments);
    scale[row] = chosen;
    for (let i = 0; i < columns; i++) data[row * columns + i] = toInt8(values[i]! / chosen);
  }
  return { kind: 'int8', rows, columns, data, scale, sparse: options.sparse ?? false };
}

/** The weights an INT8 matrix stands for. */
export function dequantizeRows({ data, scale, columns }: Int8Matrix): Float32Array {
  const weight = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) weight[i] = data[i]! * scale[Math.floor(i / columns)]!;
  return weight;
}

function rowScale(values: Float32Array, moments: Float32Array | undefined): number {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  let best = halfScale(most / limit);
  if (moments === undefined) return best;
  let least = Infinity;
  for (const share of shares) {
    const scale = halfScale((most * share) / limit);
    let lost = 0;
    for (let i = 0; i < values.length; i++) {
      lost += (values[i]! - toInt8(values[i]! / scale) * scale) ** 2 * moments[i]!;
    }
    if (lost < least) [least, best] = [lost, scale];
  }
  return best;
}

/** To the nearest whole number, ties to even, within ±127. */
function toInt8(value: number): number {
  return Math.max(-limit, Math.min(limit, roundHalfEven(value)));
}

/** `x` of magnitude under 2⁵¹ to the nearest whole number, ties to even. */
export function roundHalfEven(x: number): number {
  // Adding 1.5 · 2⁵² leaves no bit for a fraction, and the addition itself rounds ties to even.
  return x + 6755399441055744 - 6755399441055744;
}
