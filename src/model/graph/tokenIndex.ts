import type { GraphBuilder, Value } from './graphBuilder.js';
import { int } from './attributes.js';
import { int32s, int64s } from './tensorData.js';

/** What every part of the graph knows of a run's tokens. */
export interface TokenIndex {
  /** `tokens` int32 `[B, S]` */
  readonly tokens: Value;
  /** `lengths` int32 `[B]` */
  readonly lengths: Value;
  /** `S` as an int64 vector of one. */
  readonly sequence: Value;
  /** 0, 1, … `S` − 1, int32 `[S]` */
  readonly index: Value;
  /** Whether a token is within its utterance, bool `[B, 1, S]`. */
  readonly within: Value;
}

/** Declares the inputs `tokens` and `lengths` and derives positions and padding from them. */
export function declareTokens(graph: GraphBuilder, positions: number): TokenIndex {
  const tokens = graph.input('tokens', 'int32', ['B', 'S']);
  const lengths = graph.input('lengths', 'int32', ['B']);
  const sequence = graph.node('Shape', [tokens], 'sequence', { attributes: { start: int(1), end: int(2) } });
  const table = graph.constant('index.table', int32s(Int32Array.from({ length: positions }, (_, i) => i)));
  const index = firstRows(graph, table, sequence, 'index');
  const axes = graph.constant('axes.1.2', int64s(1, 2));
  const columns = graph.node('Unsqueeze', [lengths, axes], 'lengths.columns');
  const within = graph.node('Less', [index, columns], 'within');
  return { tokens, lengths, sequence, index, within };
}

/** The first `count` rows (an int64 vector of one) of a table. */
export function firstRows(graph: GraphBuilder, table: Value, count: Value, name: string): Value {
  const zero = graph.constant('zero', int64s(0));
  return graph.node('Slice', [table, zero, count, zero], name);
}
