import {
  type ActivationSite,
  type Encoder,
  type EncoderLayer,
  type LayerNorm,
  type Linear,
  type Matrix,
} from '../../src/model/index.js';

/** Rows of numbers: `[tokens, size]`. */
type Rows = number[][];

export interface ReferenceOptions {
  /** Sites whose values are rounded to INT8 steps on the way; none if absent. */
  readonly quantized?: readonly ActivationSite[];
  /** Shown every value at every site, before it is rounded. */
  readonly observe?: (layer: number, site: ActivationSite, values: Rows) => void;
}

/**
 * The embedding of one utterance, computed the plain way in 64-bit floating point: what every graph is
 * held against. Written from docs/bundle-format.md, and alone: there is no padding here.
 */
export function referenceEmbedding(
  encoder: Encoder,
  tokens: readonly number[],
  options: ReferenceOptions = {},
): number[] {
  const word = rowsOf(encoder.word);
  const position = rowsOf(encoder.position);
  const summed = tokens.map((token, at) =>
    word[token]!.map((value, i) => value + position[at]![i]! + encoder.tokenType[i]!),
  );
  let states = layerNorm(summed, encoder.norm, encoder);
  for (const [index, layer] of encoder.layers.entries()) {
    states = layerOutput(encoder, layer, states, (site, values) => {
      options.observe?.(index, site, values);
      return options.quantized?.includes(site) ? rounded(values, layer.activation![site]) : values;
    });
  }
  const { pooling, normalize } = encoder.architecture;
  const pooled = pooling === 'cls' ? states[0]! : columnMeans(states);
  const norm = Math.sqrt(pooled.reduce((sum, value) => sum + value * value, 0));
  return normalize ? pooled.map((value) => value / norm) : pooled;
}

function layerOutput(
  encoder: Encoder,
  { linear, attentionNorm, outputNorm }: EncoderLayer,
  states: Rows,
  atSite: (site: ActivationSite, values: Rows) => Rows,
): Rows {
  const input = atSite('input', states);
  const [query, key, value] = (['attention.query', 'attention.key', 'attention.value'] as const).map((name) =>
    atSite('qkv', apply(linear[name], input)),
  );
  const context = atSite('context', attend(encoder, query!, key!, value!));
  const attended = atSite('attentionOutput', apply(linear['attention.output'], context));
  const middle = layerNorm(sum(attended, states), attentionNorm, encoder);
  const wide = apply(linear.intermediate, atSite('feedForwardInput', middle));
  const active = wide.map((row) => row.map(activations[encoder.architecture.activation]));
  const narrow = atSite('feedForwardOutput', apply(linear.output, atSite('intermediate', active)));
  return layerNorm(sum(narrow, middle), outputNorm, encoder);
}

function attend({ architecture, attention }: Encoder, query: Rows, key: Rows, value: Rows): Rows {
  const { hidden, heads } = architecture;
  const size = hidden / heads;
  return query.map((row, i) => {
    const context = new Array<number>(hidden).fill(0);
    for (let head = 0; head < heads; head++) {
      const columns = Array.from({ length: size }, (_, at) => head * size + at);
      const scores = key.map((other, j) => {
        const { windowEachSide: window, globalTokens: globals } = attention;
        const seen = window < 0 || Math.abs(i - j) <= window || i < globals || j < globals;
        return seen
          ? columns.reduce((dot, at) => dot + row[at]! * other[at]!, 0) / Math.sqrt(size)
          : -Infinity;
      });
      const shares = softmax(scores);
      for (const at of columns) {
        context[at] = shares.reduce((mixed, share, j) => mixed + share * value[j]![at]!, 0);
      }
    }
    return context;
  });
}

function apply({ weight, bias }: Linear, input: Rows): Rows {
  const matrix = rowsOf(weight);
  return input.map((row) =>
    matrix.map((weights, out) => weights.reduce((total, w, i) => total + w * row[i]!, bias[out]!)),
  );
}

function rowsOf(matrix: Matrix): Rows {
  return Array.from({ length: matrix.rows }, (_, row) => {
    const scale = matrix.kind === 'int8' ? matrix.scale[row]! : 1;
    const from = row * matrix.columns;
    return Array.from(matrix.data.subarray(from, from + matrix.columns), (value) => value * scale);
  });
}

function layerNorm(rows: Rows, { weight, bias }: LayerNorm, { architecture }: Encoder): Rows {
  return rows.map((row) => {
    const mean = row.reduce((total, value) => total + value, 0) / row.length;
    const variance = row.reduce((total, value) => total + (value - mean) ** 2, 0) / row.length;
    const divisor = Math.sqrt(variance + architecture.layerNormEpsilon);
    return row.map((value, i) => ((value - mean) / divisor) * weight[i]! + bias[i]!);
  });
}

/** To multiples of the step, ties to even, within the 256 values of a byte. */
function rounded(rows: Rows, step: number): Rows {
  return rows.map((row) =>
    row.map((value) => {
      const steps = value / step;
      const near = Math.round(steps);
      const even = Math.abs(steps % 1) === 0.5 ? 2 * Math.round(steps / 2) : near;
      return Math.max(-128, Math.min(127, even)) * step;
    }),
  );
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function sum(a: Rows, b: Rows): Rows {
  return a.map((row, i) => row.map((value, j) => value + b[i]![j]!));
}

function columnMeans(rows: Rows): number[] {
  return rows[0]!.map((_, at) => rows.reduce((total, row) => total + row[at]!, 0) / rows.length);
}

const activations = {
  relu: (x: number) => Math.max(0, x),
  gelu: (x: number) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  gelu_new: (x: number) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
};

/** By its power series near zero and its continued fraction beyond; within 1e-13. */
function erf(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > 6) return Math.sign(x);
  if (magnitude > 2.5) {
    let fraction = 0;
    for (let k = 60; k > 0; k--) fraction = k / 2 / (magnitude + fraction);
    return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (magnitude + fraction));
  }
  let term = x;
  let total = x;
  for (let k = 1; k < 60; k++) {
    term *= (-x * x) / k;
    total += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}
