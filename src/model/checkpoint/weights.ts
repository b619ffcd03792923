import { IntentdError } from '../../base/index.js';
import type { Architecture, EncoderLayer, Head, LayerNorm, Linear, LinearName, Matrix } from '../encoder.js';
import { linearShape } from '../sparsity/index.js';
import type { TensorFiles } from './tensorFiles.js';

type Shape = Pick<Architecture, 'hidden' | 'feedForward' | 'vocabulary' | 'positions' | 'tokenTypes'>;

/** Names behind `encoder.layer.N.` of `BertModel` in Hugging Face's transformers. */
const linearTensors: Readonly<Record<LinearName, string>> = {
  'attention.query': 'attention.self.query',
  'attention.key': 'attention.self.key',
  'attention.value': 'attention.self.value',
  'attention.output': 'attention.output.dense',
  intermediate: 'intermediate.dense',
  output: 'output.dense',
};

export interface Embeddings {
  readonly word: Matrix;
  readonly position: Matrix;
  /** `[tokenTypes, hidden]` */
  readonly tokenType: Float32Array;
  readonly norm: LayerNorm;
}

/** `bert.` where the checkpoint was saved with a head, else nothing. */
export function encoderPrefix(files: TensorFiles, folder: string): string {
  const prefix = ['bert.', ''].find((one) => files.names.has(`${one}embeddings.word_embeddings.weight`));
  if (prefix === undefined) {
    throw new IntentdError(
      'bad_checkpoint',
      `${folder} holds no BERT encoder: it has no tensor embeddings.word_embeddings.weight, with or without "bert." before it.`,
    );
  }
  return prefix;
}

/** Word rows beyond `shape.vocabulary`, which some checkpoints pad with, are left out. */
export async function readEmbeddings(
  files: TensorFiles,
  prefix: string,
  shape: Shape,
  rows: number,
): Promise<Embeddings> {
  const at = `${prefix}embeddings.`;
  const { hidden, vocabulary, positions, tokenTypes } = shape;
  const word = await files.read(`${at}word_embeddings.weight`, [rows, hidden]);
  const position = await files.read(`${at}position_embeddings.weight`, [positions, hidden]);
  return {
    word: matrix(word.subarray(0, vocabulary * hidden), vocabulary, hidden),
    position: matrix(position, positions, hidden),
    tokenType: await files.read(`${at}token_type_embeddings.weight`, [tokenTypes, hidden]),
    norm: await readNorm(files, `${at}LayerNorm`, hidden),
  };
}

export async function readLayer(
  files: TensorFiles,
  prefix: string,
  shape: Shape,
  layer: number,
): Promise<EncoderLayer> {
  const at = `${prefix}encoder.layer.${layer}.`;
  const linear = {} as Record<LinearName, Linear>;
  for (const [name, tensor] of Object.entries(linearTensors) as [LinearName, string][]) {
    const [outputs, inputs] = linearShape(shape, name);
    linear[name] = {
      weight: matrix(await files.read(`${at}${tensor}.weight`, [outputs, inputs]), outputs, inputs),
      bias: await files.read(`${at}${tensor}.bias`, [outputs]),
    };
  }
  return {
    linear,
    attentionNorm: await readNorm(files, `${at}attention.output.LayerNorm`, shape.hidden),
    outputNorm: await readNorm(files, `${at}output.LayerNorm`, shape.hidden),
  };
}

/**
 * The pooler and classifier of `BertForSequenceClassification` as a head: the pooler is its hidden
 * layer. Absent where the checkpoint has no classifier.
 */
export async function readHead(
  files: TensorFiles,
  prefix: string,
  shape: Shape,
  folder: string,
): Promise<Head | undefined> {
  const intents = files.shapeOf('classifier.weight')?.[0];
  if (intents === undefined) return undefined;
  if (intents < 2) {
    throw new IntentdError(
      'bad_checkpoint',
      `${folder}: the classifier must have at least 2 outputs, not ${intents}.`,
    );
  }
  const { hidden } = shape;
  return {
    hidden: {
      weight: await files.read(`${prefix}pooler.dense.weight`, [hidden, hidden]),
      bias: await files.read(`${prefix}pooler.dense.bias`, [hidden]),
      size: hidden,
      activation: 'tanh',
    },
    output: {
      weight: await files.read('classifier.weight', [intents, hidden]),
      bias: await files.read('classifier.bias', [intents]),
    },
    intents,
    background: 0,
    encoder: '',
  };
}

/** Checkpoints converted from TensorFlow call a LayerNorm's gain and offset gamma and beta. */
async function readNorm(files: TensorFiles, at: string, hidden: number): Promise<LayerNorm> {
  const old = files.names.has(`${at}.gamma`);
  return {
    weight: await files.read(`${at}.${old ? 'gamma' : 'weight'}`, [hidden]),
    bias: await files.read(`${at}.${old ? 'beta' : 'bias'}`, [hidden]),
  };
}

function matrix(data: Float32Array, rows: number, columns: number): Matrix {
  return { kind: 'float', rows, columns, data };
}
