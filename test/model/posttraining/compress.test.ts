import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMultiplication } from '../../../src/engine/index.js';
import { activationSites, openHuggingFace, planSparsity, type Encoder } from '../../../src/model/index.js';
import {
  compress,
  layRows,
  observe,
  plainMultiply,
  pool,
  rowsOf,
  type Compression,
  type Observation,
} from '../../../src/model/posttraining/index.js';
import { seeded } from '../../support/random.js';
import { referenceEmbedding } from '../../support/referenceEncoder.js';
import { writeTinyCheckpoint } from '../../support/tinyCheckpoint.js';

const folder = mkdtempSync(join(tmpdir(), 'intentd-compress-'));
const random = seeded(9);
const utterances = Array.from({ length: 40 }, (_, i) =>
  Int32Array.from({ length: 4 + (i % 9) }, (_unused, at) => (at === 0 ? 2 : Math.floor(random() * 100))),
);
const rows = layRows(utterances);
const observed = { rows, calibrationRows: rowsOf(rows, 30) };
let dense: Encoder;
let observation: Observation;
let compression: Compression;

beforeAll(async () => {
  dense = writeTinyCheckpoint(folder, { architecture: { pooling: 'mean', normalize: true }, labels: [] });
  const checkpoint = await openHuggingFace(folder);
  observation = await observe(checkpoint, observed, plainMultiply, () => undefined);
  const plan = planSparsity(checkpoint.architecture, observation.sensitivities, { tolerance: 0.03 });
  compression = await compress(checkpoint, plan, observation, observed, plainMultiply, () => undefined);
  await checkpoint.close();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function embeddings(states: Float32Array): Float32Array[] {
  const pooled = pool(states, rows, { hidden: 32, pooling: 'mean', normalize: false });
  return utterances.map((_, index) => pooled.subarray(index * 32, (index + 1) * 32));
}

function expectNear(found: Float32Array, wanted: readonly number[], within: number): void {
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(within);
}

const plainPooling = { pooling: 'mean', normalize: false } as const;

describe('compressing a checkpoint', () => {
  it('observes what the dense encoder computes', () => {
    const encoder = { ...dense, architecture: { ...dense.architecture, ...plainPooling } };
    for (const [index, found] of embeddings(observation.states).entries()) {
      expectNear(found, referenceEmbedding(encoder, [...utterances[index]!]), 1e-4);
    }
  });

  it('measures what its INT8 encoder computes with every site rounded', () => {
    const encoder = {
      ...compression.encoder,
      architecture: { ...compression.encoder.architecture, ...plainPooling },
    };
    const apart = embeddings(compression.int8States).map((found, index) => {
      const wanted = referenceEmbedding(encoder, [...utterances[index]!], { quantized: activationSites });
      return wanted.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0);
    });
    // A value between two steps may fall to either side in single and in double precision; then all that
    // follows differs a little. Where that does not happen nothing differs.
    expect(apart.filter((most) => most < 1e-6).length).toBeGreaterThan(25);
    expect(Math.max(...apart)).toBeLessThan(0.1);
  });

  it('keeps the mean of every output where weights were dropped and rounded', () => {
    const outputs: number[][] = [];
    for (const ids of utterances.slice(0, 30)) {
      referenceEmbedding(compression.encoder, [...ids], {
        quantized: activationSites,
        observe: (layer, site, values) => {
          if (layer === 1 && site === 'feedForwardOutput') outputs.push(...values);
        },
      });
    }
    expect(outputs).toHaveLength(observed.calibrationRows);
    for (const [column, wanted] of observation.means.get('layer.1.output')!.entries()) {
      const mean = outputs.reduce((sum, row) => sum + row[column]!, 0) / outputs.length;
      expect(Math.abs(mean - wanted)).toBeLessThan(5e-3);
    }
  });

  it('computes the same through ONNX Runtime’s products', async () => {
    const products = await openMultiplication(1);
    const checkpoint = await openHuggingFace(folder);
    const again = await observe(checkpoint, observed, products.multiply, () => undefined);
    await checkpoint.close();
    await products.close();
    for (const [i, value] of observation.states.entries()) expect(again.states[i]!).toBeCloseTo(value, 4);
  });
});
