import {
  type ActivationSite,
  activationSites,
  type Architecture,
  type AttentionPattern,
  type Encoder,
  type EncoderLayer,
  linearName,
  type LinearName,
  linearNames,
  linearShape,
  type Matrix,
  prune24,
} from '../../src/model/index.js';
import { seeded } from './random.js';
import { tinyPieces } from './tinyTokenizerJson.js';

export interface TinyEncoderOptions {
  /** `int8` (the default) is what quantizing the `float` encoder of the same seed gives. */
  readonly kind?: 'float' | 'int8';
  /** `true` prunes all but query and key to 2:4, `false` (the default) nothing, a list these full names. */
  readonly sparse?: boolean | readonly string[];
  readonly architecture?: Partial<Architecture>;
  readonly attention?: Partial<AttentionPattern>;
}

type Random = () => number;

/**
 * A random BERT of two layers with hidden size 32, two heads, feed-forward 64, 64 positions and the
 * vocabulary of `tinyTokenizerJson`. The same seed gives the same encoder.
 */
export function tinyEncoder(seed: number, options: TinyEncoderOptions = {}): Encoder {
  const architecture: Architecture = {
    type: 'bert',
    layers: 2,
    hidden: 32,
    heads: 2,
    feedForward: 64,
    vocabulary: tinyPieces.length,
    positions: 64,
    tokenTypes: 2,
    activation: 'gelu',
    layerNormEpsilon: 1e-12,
    pooling: 'mean',
    normalize: true,
    ...options.architecture,
  };
  const { hidden, vocabulary, positions, tokenTypes } = architecture;
  const random = seeded(seed);
  const kind = options.kind ?? 'int8';
  const table = (rows: number) => asKind(kind, rows, hidden, normals(random, rows * hidden, 0.5), false);
  return {
    architecture,
    attention: { windowEachSide: 64, globalTokens: 1, ...options.attention },
    word: table(vocabulary),
    position: table(positions),
    tokenType: normals(random, tokenTypes * hidden, 0.1),
    norm: layerNorm(random, hidden),
    layers: Array.from({ length: architecture.layers }, (_, at) =>
      tinyLayer(random, architecture, kind, (linear) => isSparse(options.sparse, at, linear)),
    ),
  };
}

/** Normally distributed numbers of a standard deviation. */
export function normals(random: Random, count: number, deviation: number): Float32Array {
  return Float32Array.from(
    { length: count },
    () => deviation * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

function isSparse(sparse: TinyEncoderOptions['sparse'], layer: number, linear: LinearName): boolean {
  if (sparse === true) {
    return linear !== 'attention.query' && linear !== 'attention.key';
  }
  return Array.isArray(sparse) && sparse.includes(linearName(layer, linear));
}

function tinyLayer(
  random: Random,
  architecture: Architecture,
  kind: 'float' | 'int8',
  isSparseLinear: (linear: LinearName) => boolean,
): EncoderLayer {
  const linears = linearNames.map((linear) => {
    const [rows, columns] = linearShape(architecture, linear);
    const sparse = isSparseLinear(linear);
    const dense = normals(random, rows * columns, 1 / Math.sqrt(columns));
    const data = sparse ? prune24(dense, rows, columns) : dense;
    return [linear, { weight: asKind(kind, rows, columns, data, sparse), bias: normals(random, rows, 0.1) }];
  });
  return {
    linear: Object.fromEntries(linears) as EncoderLayer['linear'],
    attentionNorm: layerNorm(random, architecture.hidden),
    outputNorm: layerNorm(random, architecture.hidden),
    ...(kind === 'int8' && { activation: steps() }),
  };
}

/** Activations stay within ±5 or nearly so: every product keeps unit variance. */
function steps(): Record<ActivationSite, number> {
  return Object.fromEntries(activationSites.map((site) => [site, Math.fround(5 / 127)])) as Record<
    ActivationSite,
    number
  >;
}

function layerNorm(random: Random, hidden: number) {
  return {
    weight: normals(random, hidden, 0.1).map((value) => 1 + value),
    bias: normals(random, hidden, 0.1),
  };
}

function asKind(
  kind: 'float' | 'int8',
  rows: number,
  columns: number,
  data: Float32Array,
  sparse: boolean,
): Matrix {
  if (kind === 'float') {
    return { kind, rows, columns, data };
  }
  const scale = new Float32Array(rows);
  const values = new Int8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const weights = data.subarray(row * columns, (row + 1) * columns);
    scale[row] = Math.max(...weights.map(Math.abs), 1e-6) / 127;
    values.set(
      weights.map((weight) => Math.round(weight / scale[row]!)),
      row * columns,
    );
  }
  return { kind, rows, columns, data: values, scale, sparse };
}
