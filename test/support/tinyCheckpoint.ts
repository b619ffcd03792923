import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  encodeSafetensors,
  float32ToFloat16,
  type Encoder,
  type EncoderLayer,
  type LayerNorm,
  type Matrix,
  type Tensor,
} from '../../src/model/index.js';
import { seeded } from './random.js';
import { normals, tinyEncoder, type TinyEncoderOptions } from './tinyEncoder.js';
import { tinyPieces, tinyTokenizerJson } from './tinyTokenizerJson.js';

export interface TinyCheckpointOptions extends Pick<TinyEncoderOptions, 'architecture'> {
  readonly seed?: number;
  /** Before the encoder's tensor names; `bert.` if absent, as transformers writes with a head. */
  readonly prefix?: string;
  /** Names of the classifier's outputs; no classifier and no pooler for an empty list. */
  readonly labels?: readonly string[];
  /** Spread of the classifier's weights. */
  readonly decisiveness?: number;
  readonly dtype?: 'F32' | 'F16' | 'BF16';
  /** In how many files the tensors lie. */
  readonly shards?: number;
  /** LayerNorm's gain and offset are called gamma and beta. */
  readonly oldNames?: boolean;
  /** Rows of word embeddings beyond the tokenizer's ids. */
  readonly padding?: number;
  /** Changes to `config.json`. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tokenizer?: 'tokenizer.json' | 'vocab.txt' | 'none';
  /** Changes to the tensors, before they are written. */
  readonly edit?: (tensors: Map<string, FloatTensor>) => void;
}

export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export const tinyLabels = ['music_on', 'music_off', 'lights_on', 'balance', 'timer'] as const;

/**
 * Writes a random BERT classification checkpoint in Hugging Face form.
 *
 * @returns the encoder that was written, in floating point.
 */
export function writeTinyCheckpoint(folder: string, options: TinyCheckpointOptions = {}): Encoder {
  const { seed = 1, labels = tinyLabels, dtype = 'F32', shards = 1 } = options;
  const encoder = tinyEncoder(seed, {
    kind: 'float',
    attention: { windowEachSide: -1, globalTokens: 0 },
    architecture: { pooling: labels.length > 0 ? 'cls' : 'mean', normalize: false, ...options.architecture },
  });
  mkdirSync(folder, { recursive: true });
  const tensors = tensorsOf(encoder, options);
  addHead(tensors, encoder, labels, options);
  options.edit?.(tensors);
  writeTensors(folder, tensors, dtype, shards);
  const config = JSON.stringify({ ...configOf(encoder, labels, options), ...options.config }, null, 2);
  writeFileSync(join(folder, 'config.json'), config);
  const { tokenizer = 'tokenizer.json' } = options;
  if (tokenizer === 'tokenizer.json') {
    writeFileSync(join(folder, tokenizer), JSON.stringify(tinyTokenizerJson()));
  } else if (tokenizer === 'vocab.txt') {
    writeFileSync(join(folder, tokenizer), `${tinyPieces.join('\n')}\n`);
  }
  return encoder;
}

function configOf(
  { architecture: own }: Encoder,
  labels: readonly string[],
  { padding = 0 }: TinyCheckpointOptions,
): object {
  return {
    model_type: 'bert',
    architectures: [labels.length > 0 ? 'BertForSequenceClassification' : 'BertModel'],
    num_hidden_layers: own.layers,
    hidden_size: own.hidden,
    num_attention_heads: own.heads,
    intermediate_size: own.feedForward,
    vocab_size: own.vocabulary + padding,
    max_position_embeddings: own.positions,
    type_vocab_size: own.tokenTypes,
    hidden_act: own.activation,
    layer_norm_eps: own.layerNormEpsilon,
    position_embedding_type: 'absolute',
    ...(labels.length > 0 && {
      id2label: Object.fromEntries(labels.map((label, index) => [String(index), label])),
      label2id: Object.fromEntries(labels.map((label, index) => [label, index])),
    }),
  };
}

function tensorsOf(
  encoder: Encoder,
  { prefix = 'bert.', oldNames = false, padding = 0 }: TinyCheckpointOptions,
): Map<string, FloatTensor> {
  const tensors = new Map<string, FloatTensor>();
  const { hidden, tokenTypes, vocabulary } = encoder.architecture;
  const add = (name: string, data: Float32Array, ...shape: number[]): void => {
    tensors.set(`${prefix}${name}`, { data, shape });
  };
  const norm = (name: string, { weight, bias }: LayerNorm): void => {
    add(`${name}.${oldNames ? 'gamma' : 'weight'}`, weight, hidden);
    add(`${name}.${oldNames ? 'beta' : 'bias'}`, bias, hidden);
  };
  const word = new Float32Array((vocabulary + padding) * hidden).fill(7);
  word.set(floats(encoder.word));
  add('embeddings.word_embeddings.weight', word, vocabulary + padding, hidden);
  add('embeddings.position_embeddings.weight', floats(encoder.position), encoder.position.rows, hidden);
  add('embeddings.token_type_embeddings.weight', encoder.tokenType, tokenTypes, hidden);
  norm('embeddings.LayerNorm', encoder.norm);
  for (const [index, layer] of encoder.layers.entries()) {
    const at = `encoder.layer.${index}`;
    for (const [name, tensor] of Object.entries(linears)) {
      const { weight, bias } = layer.linear[name as keyof EncoderLayer['linear']];
      add(`${at}.${tensor}.weight`, floats(weight), weight.rows, weight.columns);
      add(`${at}.${tensor}.bias`, bias, weight.rows);
    }
    norm(`${at}.attention.output.LayerNorm`, layer.attentionNorm);
    norm(`${at}.output.LayerNorm`, layer.outputNorm);
  }
  return tensors;
}

const linears = {
  'attention.query': 'attention.self.query',
  'attention.key': 'attention.self.key',
  'attention.value': 'attention.self.value',
  'attention.output': 'attention.output.dense',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
};

function addHead(
  tensors: Map<string, FloatTensor>,
  { architecture: { hidden } }: Encoder,
  labels: readonly string[],
  { seed = 1, prefix = 'bert.', decisiveness = 1 }: TinyCheckpointOptions,
): void {
  if (labels.length === 0) return;
  const random = seeded(seed + 1000);
  const add = (name: string, deviation: number, ...shape: number[]): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    tensors.set(name, { data: normals(random, count, deviation), shape });
  };
  add(`${prefix}pooler.dense.weight`, 1 / Math.sqrt(hidden), hidden, hidden);
  add(`${prefix}pooler.dense.bias`, 0.1, hidden);
  add('classifier.weight', decisiveness, labels.length, hidden);
  add('classifier.bias', 0.1, labels.length);
}

function writeTensors(
  folder: string,
  tensors: ReadonlyMap<string, FloatTensor>,
  dtype: NonNullable<TinyCheckpointOptions['dtype']>,
  shards: number,
): void {
  const names = [...tensors.keys()].sort();
  const fileOf = (index: number): string =>
    shards === 1 ? 'model.safetensors' : `model-0000${(index % shards) + 1}-of-0000${shards}.safetensors`;
  for (let shard = 0; shard < shards; shard++) {
    const own = names.filter((_, index) => index % shards === shard);
    const encoded = new Map(own.map((name) => [name, encode(tensors.get(name)!, dtype)]));
    writeFileSync(join(folder, fileOf(shard)), encodeSafetensors(encoded, { format: 'pt' }));
  }
  if (shards === 1) return;
  const weightMap = Object.fromEntries(names.map((name, index) => [name, fileOf(index)]));
  const index = { metadata: { total_size: 0 }, weight_map: weightMap };
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
}

function encode({ shape, data }: FloatTensor, dtype: NonNullable<TinyCheckpointOptions['dtype']>): Tensor {
  if (dtype === 'F32') return { dtype, shape, data };
  if (dtype === 'F16') return { dtype, shape, data: float32ToFloat16(data) };
  const bits = new Uint32Array(data.slice().buffer);
  return { dtype, shape, data: Uint16Array.from(bits, (value) => value >>> 16) };
}

function floats(matrix: Matrix): Float32Array {
  if (matrix.kind !== 'float') throw new TypeError('a checkpoint is in floating point');
  return matrix.data;
}
