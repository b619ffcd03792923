import type { Encoder } from '../encoder.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { int } from './attributes.js';
import { elementTypes, floatScalar, int32s, int64s } from './tensorData.js';
import type { TokenIndex } from './tokenIndex.js';

const asFloat = { attributes: { to: int(elementTypes.float32) } };

/**
 * Turns the last layer's states, float32 `[B, S, hidden]`, into the output `embedding`, float32
 * `[B, hidden]`. Padding never counts, and an utterance of no tokens gives zeros rather than NaN.
 */
export function pool(graph: GraphBuilder, encoder: Encoder, states: Value, tokens: TokenIndex): void {
  const { pooling, normalize, hidden } = encoder.architecture;
  const pooled = pooling === 'cls' ? firstToken(graph, states) : sum(graph, states, tokens);
  if (normalize) {
    unitLength(graph, pooled); // Of a sum just as well: a mean has the same direction.
  } else if (pooling === 'mean') {
    divideByLength(graph, pooled, tokens);
  } else {
    graph.node('Identity', [pooled], 'embedding');
  }
  graph.output('embedding', 'float32', ['B', hidden]);
}

function firstToken(graph: GraphBuilder, states: Value): Value {
  const first = graph.constant('pooling.first', int32s(Int32Array.of(0), []));
  return graph.node('Gather', [states, first], 'pooled', { attributes: { axis: int(1) } });
}

function sum(graph: GraphBuilder, states: Value, { within }: TokenIndex): Value {
  const weights = graph.node('Cast', [within], 'pooling.weights', asFloat);
  const sums = graph.node('MatMul', [weights, states], 'pooling.sums');
  return graph.node('Squeeze', [sums, graph.constant('axes.1', int64s(1))], 'pooled');
}

function divideByLength(graph: GraphBuilder, pooled: Value, { lengths }: TokenIndex): Value {
  const axis = graph.constant('axes.1', int64s(1));
  const count = graph.node('Cast', [lengths], 'pooling.count', asFloat);
  const one = graph.constant('one', floatScalar('float32', 1));
  const least = graph.node('Max', [count, one], 'pooling.count.used');
  const divisor = graph.node('Unsqueeze', [least, axis], 'pooling.divisor');
  return graph.node('Div', [pooled, divisor], 'embedding');
}

function unitLength(graph: GraphBuilder, pooled: Value): Value {
  const axis = graph.constant('axes.1', int64s(1));
  const norm = graph.node('ReduceL2', [pooled, axis], 'pooled.norm');
  const least = graph.constant('pooled.norm.least', floatScalar('float32', 1e-12));
  const divisor = graph.node('Max', [norm, least], 'pooled.norm.used');
  return graph.node('Div', [pooled, divisor], 'embedding');
}
