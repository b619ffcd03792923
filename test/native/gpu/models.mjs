// The graphs that the checks on a GPU machine build engines of.

import { activationSites, encoderToOnnx, readBundle } from '../../../dist/model/index.js';

const bundleFolder = new URL('../../../models/clinc150-minilm-l6', import.meta.url).pathname;

/** The default bundle's encoder, with `standard` attention or the plugin's. */
export async function defaultOnnx(precision, attention = 'standard') {
  const { encoder } = await readBundle(bundleFolder);
  return encoderToOnnx(encoder, { attention, precision });
}

/** A random INT8 BERT of one small layer, for rounds that load it again and again: FP16 takes four times as long to build. */
export function tinyOnnx(attention = 'standard') {
  let state = 1;
  const next = () => (state = (state * 16807) % 2147483647) / 2147483647 - 0.5;
  const numbers = (count) => Float32Array.from({ length: count }, next);
  const [hidden, feedForward] = [64, 128];
  const matrix = (rows, columns) => ({
    kind: 'int8',
    rows,
    columns,
    data: Int8Array.from({ length: rows * columns }, () => Math.round(254 * next())),
    scale: new Float32Array(rows).fill(0.5 / 127),
    sparse: false,
  });
  const norm = () => ({ weight: new Float32Array(hidden).fill(1), bias: new Float32Array(hidden) });
  const linear = (rows, columns) => ({ weight: matrix(rows, columns), bias: numbers(rows) });
  const layer = {
    linear: {
      'attention.query': linear(hidden, hidden),
      'attention.key': linear(hidden, hidden),
      'attention.value': linear(hidden, hidden),
      'attention.output': linear(hidden, hidden),
      intermediate: linear(feedForward, hidden),
      output: linear(hidden, feedForward),
    },
    attentionNorm: norm(),
    outputNorm: norm(),
    activation: Object.fromEntries(activationSites.map((site) => [site, Math.fround(5 / 127)])),
  };
  const encoder = {
    architecture: {
      type: 'bert',
      layers: 1,
      hidden,
      heads: 2,
      feedForward,
      vocabulary: 100,
      positions: 64,
      tokenTypes: 2,
      activation: 'gelu',
      layerNormEpsilon: 1e-12,
      pooling: 'mean',
      normalize: true,
    },
    attention: { windowEachSide: 64, globalTokens: 1 },
    word: matrix(100, hidden),
    position: matrix(64, hidden),
    tokenType: numbers(2 * hidden),
    norm: norm(),
    layers: [layer],
  };
  return encoderToOnnx(encoder, { attention, precision: 'int8' });
}

export const tinyProfiles = [{ min: [1, 1], opt: [4, 16], max: [8, 32] }];
export const tinyBuckets = [
  { batch: 1, sequence: 16 },
  { batch: 4, sequence: 16 },
  { batch: 8, sequence: 32 },
];

export const defaultProfiles = [
  { min: [1, 1], opt: [1, 16], max: [1, 64] },
  { min: [1, 1], opt: [16, 32], max: [32, 64] },
];
export const defaultBuckets = [16, 32, 64].flatMap((sequence) =>
  [1, 4, 16].map((batch) => ({ batch, sequence })),
);

export function buildOptions(profiles, more = {}) {
  return {
    profiles,
    sparse: true,
    workspaceBytes: 2 ** 30,
    builderLevel: 3,
    detailedProfiling: true,
    ...more,
  };
}
