import {
  activationSites,
  type ActivationSite,
  type Architecture,
  type AttentionPattern,
  type Encoder,
  type EncoderLayer,
  type LayerNorm,
  type LinearName,
  linearNames,
  type Matrix,
} from '../../src/model/index.js';
import { seeded } from './random.js';
import { referenceEmbedding } from './referenceEncoder.js';

export interface RandomEncoderOptions {
  readonly seed?: number;
  readonly architecture?: Partial<Architecture>;
  readonly attention?: AttentionPattern;
  readonly kind?: Matrix['kind'];
  /** Which linear layers are 2:4; none if absent. */
  readonly sparse?: (layer: number, linear: LinearName) => boolean;
}

const tiny: Architecture = {
  type: 'bert',
  layers: 2,
  hidden: 32,
  heads: 4,
  feedForward: 64,
  vocabulary: 120,
  positions: 512,
  tokenTypes: 2,
  activation: 'gelu',
  layerNormEpsilon: 1e-12,
  pooling: 'mean',
  normalize: true,
};

/** A small encoder of random weights; an INT8 one has steps that fit what it sees. */
export function randomEncoder(options: RandomEncoderOptions = {}): Encoder {
  const { kind = 'float', sparse = () => false, seed = 1 } = options;
  const architecture = { ...tiny, ...options.architecture };
  const { hidden, feedForward, vocabulary, positions, tokenTypes } = architecture;
  const normal = gaussian(seeded(seed));
  const matrix = (rows: number, columns: number, spread: number, is24 = false): Matrix =>
    asKind(kind, rows, columns, normal(rows * columns, spread), is24);
  const norm = (): LayerNorm => ({ weight: normal(hidden, 0.1, 1), bias: normal(hidden, 0.1) });
  const encoder: Encoder = {
    architecture,
    attention: options.attention ?? { windowEachSide: 64, globalTokens: 1 },
    word: matrix(vocabulary, hidden, 1),
    position: matrix(positions, hidden, 0.5),
    tokenType: normal(tokenTypes * hidden, 0.2),
    norm: norm(),
    layers: Array.from({ length: architecture.layers }, (_, index) => {
      const linear = (name: LinearName) => {
        const rows = name === 'intermediate' ? feedForward : hidden;
        const columns = name === 'output' ? feedForward : hidden;
        const weight = matrix(rows, columns, 1.5 / Math.sqrt(columns), sparse(index, name));
        return { weight, bias: normal(rows, 0.1) };
      };
      const all = Object.fromEntries(linearNames.map((name) => [name, linear(name)]));
      return { linear: all as EncoderLayer['linear'], attentionNorm: norm(), outputNorm: norm() };
    }),
  };
  return kind === 'int8' ? calibrated(encoder, randomTokens(encoder, 40, seed)) : encoder;
}

/** Token ids that the encoder knows. */
export function randomTokens({ architecture }: Encoder, length: number, seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length }, () => Math.floor(random() * architecture.vocabulary));
}

/** With the step of each site such that the largest value seen is the largest that INT8 holds. */
function calibrated(encoder: Encoder, tokens: readonly number[]): Encoder {
  const most = encoder.layers.map(() => new Map<ActivationSite, number>());
  referenceEmbedding(encoder, tokens, {
    observe: (layer, site, values) => {
      const seen = most[layer]!;
      seen.set(site, Math.max(seen.get(site) ?? 0, ...values.flat().map(Math.abs)));
    },
  });
  const layers = encoder.layers.map((layer, index) => ({
    ...layer,
    activation: Object.fromEntries(
      activationSites.map((site) => [site, Math.fround(most[index]!.get(site)! / 127)]),
    ) as Record<ActivationSite, number>,
  }));
  return { ...encoder, layers };
}

function asKind(
  kind: Matrix['kind'],
  rows: number,
  columns: number,
  values: Float32Array,
  sparse: boolean,
): Matrix {
  if (kind === 'float') return { kind, rows, columns, data: values };
  const data = new Int8Array(values.length);
  const scale = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns);
    if (sparse) keepTwoOfFour(own);
    scale[row] = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    own.forEach((value, i) => (data[row * columns + i] = Math.round(value / scale[row]!)));
  }
  return { kind, rows, columns, data, scale, sparse };
}

function keepTwoOfFour(row: Float32Array): void {
  for (let group = 0; group < row.length; group += 4) {
    const order = [0, 1, 2, 3].sort((a, b) => Math.abs(row[group + a]!) - Math.abs(row[group + b]!));
    row[group + order[0]!] = 0;
    row[group + order[1]!] = 0;
  }
}

/** Normally distributed numbers around `mean`. */
function gaussian(random: () => number): (count: number, spread: number, mean?: number) => Float32Array {
  return (count, spread, mean = 0) =>
    Float32Array.from({ length: count }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - random()));
      return mean + spread * radius * Math.cos(2 * Math.PI * random());
    });
}
