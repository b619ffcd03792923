import type { ActivationSite, Architecture, EncoderLayer, Head, LinearName, Matrix } from '../encoder.js';
import type { Embeddings } from '../checkpoint/index.js';
import { attend } from './attention.js';
import { activate, addBias, layerNorm } from './functions.js';
import type { Multiply } from './multiply.js';
import type { TokenRows } from './tokenRows.js';

/** What a pass through a layer computes with, and where it can look and change. */
export interface LayerPass {
  /** A linear layer's output `[rows, out]`, bias included, of its input `[rows, in]`. */
  linear(name: LinearName, input: Float32Array): Promise<Float32Array>;
  /**
   * Called at each activation site with the values there, which may be changed in place, and with the
   * residual that is added behind it where there is one.
   */
  site(name: ActivationSite, values: readonly Float32Array[], residual?: Float32Array): void;
}

/**
 * One encoder layer, of hidden states `[rows, hidden]` to new ones.
 *
 * `input` is not changed.
 */
export async function passLayer(
  input: Float32Array,
  rows: TokenRows,
  architecture: Architecture,
  norms: Pick<EncoderLayer, 'attentionNorm' | 'outputNorm'>,
  pass: LayerPass,
): Promise<Float32Array> {
  const epsilon = architecture.layerNormEpsilon;
  const attentionOutput = await attentionBlock(input, rows, architecture, pass);
  const middle = layerNorm(sum(attentionOutput, input), norms.attentionNorm, epsilon);
  const narrow = middle.slice();
  pass.site('feedForwardInput', [narrow]);
  const wide = activate(await pass.linear('intermediate', narrow), architecture.activation);
  pass.site('intermediate', [wide]);
  const output = await pass.linear('output', wide);
  pass.site('feedForwardOutput', [output], middle);
  return layerNorm(sum(output, middle), norms.outputNorm, epsilon);
}

async function attentionBlock(
  input: Float32Array,
  rows: TokenRows,
  architecture: Architecture,
  pass: LayerPass,
): Promise<Float32Array> {
  const seen = input.slice();
  pass.site('input', [seen]);
  const query = await pass.linear('attention.query', seen);
  const key = await pass.linear('attention.key', seen);
  const value = await pass.linear('attention.value', seen);
  pass.site('qkv', [query, key, value]);
  const context = attend(query, key, value, rows, architecture);
  pass.site('context', [context]);
  const output = await pass.linear('attention.output', context);
  pass.site('attentionOutput', [output], input);
  return output;
}

/** Hidden states `[rows, hidden]` in front of the first layer. */
export function embedTokens(
  rows: TokenRows,
  embeddings: Embeddings,
  architecture: Architecture,
): Float32Array {
  const { hidden } = architecture;
  const states = new Float32Array(rows.ids.length * hidden);
  for (let utterance = 0; utterance + 1 < rows.starts.length; utterance++) {
    const first = rows.starts[utterance]!;
    for (let row = first; row < rows.starts[utterance + 1]!; row++) {
      const state = states.subarray(row * hidden, (row + 1) * hidden);
      addRow(state, embeddings.word, rows.ids[row]!);
      addRow(state, embeddings.position, row - first);
      addBias(state, embeddings.tokenType.subarray(0, hidden));
    }
  }
  return layerNorm(states, embeddings.norm, architecture.layerNormEpsilon);
}

/** One embedding an utterance, `[utterances, hidden]`, of the last layer's states. */
export function pool(
  states: Float32Array,
  { starts }: TokenRows,
  { hidden, pooling, normalize }: Pick<Architecture, 'hidden' | 'pooling' | 'normalize'>,
): Float32Array {
  const pooled = new Float32Array((starts.length - 1) * hidden);
  for (let utterance = 0; utterance + 1 < starts.length; utterance++) {
    const first = starts[utterance]!;
    const count = pooling === 'cls' ? 1 : starts[utterance + 1]! - first;
    const embedding = pooled.subarray(utterance * hidden, (utterance + 1) * hidden);
    for (let i = 0; i < count * hidden; i++) embedding[i % hidden]! += states[first * hidden + i]! / count;
    const length = normalize ? Math.hypot(...embedding) : 1;
    if (length > 0) for (let i = 0; i < hidden; i++) embedding[i]! /= length;
  }
  return pooled;
}

/** Logits `[utterances, outputs]` of embeddings `[utterances, hidden]`. */
export async function applyHead(
  embeddings: Float32Array,
  utterances: number,
  head: Head,
  multiply: Multiply,
): Promise<Float32Array> {
  const linear = async (
    input: Float32Array,
    weight: Float32Array,
    bias: Float32Array,
  ): Promise<Float32Array> =>
    addBias(await multiply(input, weight, utterances, weight.length / bias.length, bias.length), bias);
  const { hidden, output } = head;
  const features =
    hidden === undefined
      ? embeddings
      : activate(await linear(embeddings, hidden.weight, hidden.bias), hidden.activation);
  return linear(features, output.weight, output.bias);
}

function addRow(state: Float32Array, table: Matrix, row: number): void {
  const scale = table.kind === 'int8' ? table.scale[row]! : 1;
  const start = row * table.columns;
  for (let i = 0; i < state.length; i++) state[i]! += table.data[start + i]! * scale;
}

/** Adds `added` to `values` in place. */
function sum(values: Float32Array, added: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++) values[i]! += added[i]!;
  return values;
}
