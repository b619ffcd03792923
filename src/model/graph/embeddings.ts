import type { Encoder } from '../encoder.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { int } from './attributes.js';
import { layerNorm } from './layerNorm.js';
import { elementTypes, floats, int8s, type FloatType } from './tensorData.js';
import { firstRows, type TokenIndex } from './tokenIndex.js';
import { floatRows } from './weights.js';

/** Sums word, position and token type embeddings and normalizes them: `[B, S, hidden]`. */
export function embed(
  graph: GraphBuilder,
  encoder: Encoder,
  tokens: TokenIndex,
  word: Value,
  type: FloatType,
): Value {
  const { positions, hidden } = encoder.architecture;
  const rows = floats(type, positionRows(encoder), [positions, hidden]);
  const table = graph.constant('embeddings.position.weight', rows);
  const position = firstRows(graph, table, tokens.sequence, 'embeddings.position');
  const sum = graph.node('Add', [word, position], 'embeddings.sum');
  return layerNorm(graph, encoder, sum, encoder.norm, 'embeddings.norm', type);
}

/** Rows of a word table in floating point, `[B, S, hidden]`. */
export function floatWords(
  graph: GraphBuilder,
  { word }: Encoder,
  { tokens }: TokenIndex,
  type: FloatType,
): Value {
  const rows = floats(type, floatRows(word), [word.rows, word.columns]);
  const table = graph.constant('embeddings.word.weight', rows);
  return graph.node('Gather', [table, tokens], 'embeddings.word');
}

/** The same from a table that stays INT8: only the rows of a run's own tokens become floating point. */
export function int8Words(graph: GraphBuilder, encoder: Encoder, tokens: TokenIndex): Value {
  const { word } = encoder;
  if (word.kind === 'float') return floatWords(graph, encoder, tokens, 'float32');
  const table = graph.constant('embeddings.word.weight', int8s(word.data, [word.rows, word.columns]));
  const scales = graph.constant('embeddings.word.scale', floats('float32', word.scale, [word.rows, 1]));
  const rows = graph.node('Gather', [table, tokens.tokens], 'embeddings.word.rows');
  const scale = graph.node('Gather', [scales, tokens.tokens], 'embeddings.word.steps');
  const whole = graph.node('Cast', [rows], 'embeddings.word.values', {
    attributes: { to: int(elementTypes.float32) },
  });
  return graph.node('Mul', [whole, scale], 'embeddings.word');
}

/** Position embeddings with the one token type that utterances use already added. */
function positionRows({ position, tokenType, architecture: { hidden } }: Encoder): Float32Array {
  return floatRows(position).map((value, at) => value + tokenType[at % hidden]!);
}
