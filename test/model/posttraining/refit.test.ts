import { describe, expect, it } from 'vitest';
import { plainMultiply } from '../../../src/model/posttraining/index.js';
import { refitPruned } from '../../../src/model/posttraining/refit.js';
import { prune24 } from '../../../src/model/index.js';
import { seeded } from '../../support/random.js';
import { normals } from '../../support/tinyEncoder.js';

const rows = 300;
const inputs = 24;
const outputs = 10;
const weight = normals(seeded(1), outputs * inputs, 1);
const pruned = prune24(weight, outputs, inputs);
/** Neighbouring inputs resemble each other, so what is dropped can be made up for. */
const input = resembling(normals(seeded(2), rows * inputs, 1));

function resembling(values: Float32Array): Float32Array {
  return values.map((value, i) => (i % inputs === 0 ? value : 0.9 * values[i - (i % inputs)]! + 0.3 * value));
}

async function outputError(candidate: Float32Array): Promise<number> {
  const wanted = await plainMultiply(input, weight, rows, inputs, outputs);
  const given = await plainMultiply(input, candidate, rows, inputs, outputs);
  return wanted.reduce((sum, value, i) => sum + (value - given[i]!) ** 2, 0);
}

async function refitted(count = rows): Promise<Float32Array> {
  return refitPruned({ weight, pruned, outputs, inputs }, input, count, plainMultiply);
}

describe('refitting a pruned layer', () => {
  it('brings its outputs nearer to the unpruned layer’s, and leaves its zeros zero', async () => {
    const fitted = await refitted();
    expect(await outputError(fitted)).toBeLessThan((await outputError(pruned)) / 3);
    for (const [i, value] of pruned.entries()) expect(fitted[i] === 0).toBe(value === 0);
  });

  it('finds the least: no kept weight can move and help', async () => {
    const fitted = await refitted();
    let gained = 0;
    const least = await penalized(fitted);
    for (const at of [...fitted.keys()].filter((i) => fitted[i] !== 0).slice(0, 20)) {
      for (const move of [-0.02, 0.02]) {
        const moved = fitted.slice();
        moved[at]! += move;
        gained = Math.max(gained, least - (await penalized(moved)));
      }
    }
    expect(gained).toBeLessThan(least * 1e-3);
  });

  it('leaves a layer that lost nothing as it is', async () => {
    const whole = await refitPruned({ weight: pruned, pruned, outputs, inputs }, input, rows, plainMultiply);
    expect(whole).toEqual(pruned);
  });

  it('bears inputs that are always zero', async () => {
    const silent = new Float32Array(rows * inputs);
    const fitted = await refitPruned({ weight, pruned, outputs, inputs }, silent, rows, plainMultiply);
    expect(fitted).toEqual(pruned);
  });
});

/** What is minimized: output error a row, and the damped distance to the unpruned weights. */
async function penalized(candidate: Float32Array): Promise<number> {
  const moment = input.reduce((sum, value) => sum + value * value, 0) / rows / inputs;
  const distance = weight.reduce((sum, value, i) => sum + (value - candidate[i]!) ** 2, 0);
  return (await outputError(candidate)) / rows + 0.05 * moment * distance;
}
