import type { Architecture } from '../encoder.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { text } from './attributes.js';

/** The activation function between the feed-forward products; `gelu` is the exact one. */
export function activate(
  graph: GraphBuilder,
  activation: Architecture['activation'] | 'tanh',
  input: Value,
  name: string,
): Value {
  if (activation === 'relu') return graph.node('Relu', [input], name);
  if (activation === 'tanh') return graph.node('Tanh', [input], name);
  const approximate = text(activation === 'gelu_new' ? 'tanh' : 'none');
  return graph.node('Gelu', [input], name, { attributes: { approximate } });
}
