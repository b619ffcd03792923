import { describe, expect, it } from 'vitest';
import {
  chooseStep,
  chooseStepBehindNorm,
  snapToStep,
} from '../../../src/model/posttraining/activationStep.js';
import { layerNorm } from '../../../src/model/posttraining/functions.js';
import { halfScale } from '../../../src/model/posttraining/half.js';
import {
  dequantizeRows,
  quantizeRows,
  roundHalfEven,
} from '../../../src/model/posttraining/quantizeWeights.js';
import { prune24 } from '../../../src/model/index.js';
import { normals } from '../../support/tinyEncoder.js';
import { seeded } from '../../support/random.js';

const columns = 32;
const rows = 400;

function squaredError(a: Float32Array, b: Float32Array, weights?: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2 * (weights?.[i % weights.length] ?? 1), 0);
}

function snapped(values: Float32Array, step: number): Float32Array {
  const copy = values.slice();
  snapToStep(copy, step);
  return copy;
}

describe('rounding to a step', () => {
  it('is to the nearest multiple, ties to even, within 127 steps of zero', () => {
    expect([...snapped(Float32Array.of(0.5, 1.5, 2.5, -0.5, -1.5, 0.7, 300, -300), 1)]).toEqual([
      0, 2, 2, 0, -2, 1, 127, -127,
    ]);
    expect([0.5, 1.5, -2.5, 1e6 + 0.5].map(roundHalfEven)).toEqual([0, 2, -2, 1e6]);
  });

  it('has steps that half precision holds', () => {
    expect(halfScale(1 / 127)).toBe(0.00787353515625);
    expect(halfScale(1e-9)).toBe(2 ** -14);
    expect(halfScale(1e9)).toBe(65504);
  });
});

describe('the step of an activation', () => {
  const values = normals(seeded(1), rows * columns, 1);

  it('loses no more than any other step', () => {
    const { step } = chooseStep({ values: [values], rows, columns });
    const least = squaredError(values, snapped(values, step));
    for (const factor of [0.5, 0.8, 0.95, 1.05, 1.2, 2]) {
      expect(squaredError(values, snapped(values, step * factor))).toBeGreaterThan(least * 0.999);
    }
  });

  it('clips a lone large value where keeping it would cost more', () => {
    const outlier = values.slice();
    outlier[17] = 40;
    const { step, error } = chooseStep({ values: [outlier], rows, columns });
    // Of 12,800 normal values: (40 − c)² for the large one and 12,800 (c / 127)² / 12 for all are least at 37.5.
    expect(Math.abs(step * 127 - 37.5)).toBeLessThan(1);
    expect(error.chosen).toBeLessThan(error.maximum);
  });

  it('sees only the rows that count', () => {
    const outlier = values.slice();
    outlier[(rows - 1) * columns] = 1000;
    const few = chooseStep({ values: [outlier], rows: rows - 1, columns });
    expect(few.step * 127).toBeLessThan(10);
  });

  it('spends its precision on the columns that weights read', () => {
    const wide = values.map((value, i) => (i % columns === 0 ? value * 50 : value));
    const importance = new Float32Array(columns).fill(1);
    const even = chooseStep({ values: [wide], rows, columns }, importance).step;
    importance[0] = 1e-6;
    const unread = chooseStep({ values: [wide], rows, columns }, importance).step;
    expect(unread).toBeLessThan(even / 5);
    expect(squaredError(wide, snapped(wide, unread), importance)).toBeLessThan(
      squaredError(wide, snapped(wide, even), importance) / 5,
    );
  });

  it('in front of a LayerNorm does not spend itself on one token’s huge value', () => {
    const resting = values.slice();
    for (let row = 0; row < rows; row += 8) resting[row * columns + 3] = 150;
    const norm = { weight: new Float32Array(columns).fill(1), bias: new Float32Array(columns) };
    const residual = normals(seeded(2), rows * columns, 1);
    const site = { values: [resting], rows, columns };
    const behind = (of: Float32Array): Float32Array =>
      layerNorm(
        of.map((value, i) => value + residual[i]!),
        norm,
        1e-12,
      );
    const loss = (step: number): number => squaredError(behind(snapped(resting, step)), behind(resting));
    const plain = chooseStep(site).step;
    const { step, error } = chooseStepBehindNorm(site, { residual, norm, epsilon: 1e-12 });
    expect(step).toBeLessThan(plain / 2);
    expect(loss(step)).toBeLessThan(loss(plain) / 2);
    expect(error.chosen).toBeLessThan(error.maximum / 2);
  });

  it('of a site that is always zero is a number', () => {
    const zeros = new Float32Array(rows * columns);
    expect(chooseStep({ values: [zeros], rows, columns }).step).toBeGreaterThan(0);
  });
});

describe('INT8 weights', () => {
  const weight = normals(seeded(3), 6 * columns, 0.1);

  it('stand for the weights within half a step', () => {
    const matrix = quantizeRows(weight, 6, columns);
    const back = dequantizeRows(matrix);
    for (const [i, value] of weight.entries()) {
      expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(matrix.scale[Math.floor(i / columns)]! * 0.51);
    }
    expect([...matrix.data].every((value) => value >= -127 && value <= 127)).toBe(true);
  });

  it('clip a weight whose input hardly varies, to hold the others finer', () => {
    const spiked = weight.slice();
    spiked[0] = 0.9;
    const moments = new Float32Array(columns).fill(1);
    moments[0] = 1e-9;
    const plain = quantizeRows(spiked, 6, columns);
    const clipped = quantizeRows(spiked, 6, columns, { moments });
    expect(clipped.scale[0]!).toBeLessThan(plain.scale[0]!);
    const lost = (matrix: typeof plain): number => squaredError(dequantizeRows(matrix), spiked, moments);
    expect(lost(clipped)).toBeLessThan(lost(plain));
  });

  it('keep the zeros of a 2:4 matrix, and rows of zeros', () => {
    const pruned = prune24(weight, 6, columns).fill(0, columns, 2 * columns);
    const matrix = quantizeRows(pruned, 6, columns, { sparse: true });
    expect(matrix.sparse).toBe(true);
    for (const [i, value] of pruned.entries()) if (value === 0) expect(matrix.data[i]).toBe(0);
  });
});
