import type { AttentionPattern } from '../encoder.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { int32s, int64s } from './tensorData.js';
import type { TokenIndex } from './tokenIndex.js';

/**
 * Which token sees which, of the whole pattern and the lengths: bool `[B, S, S]`, or `[B, 1, S]` where
 * attention is dense.
 */
export function visibility(
  graph: GraphBuilder,
  { windowEachSide, globalTokens }: AttentionPattern,
  { index, within }: TokenIndex,
): Value {
  if (windowEachSide < 0) return within;
  const axis = graph.constant('axes.1', int64s(1));
  const window = graph.constant('window', int32s(Int32Array.of(windowEachSide), []));
  const globals = graph.constant('globals', int32s(Int32Array.of(globalTokens), []));
  const row = graph.node('Unsqueeze', [index, axis], 'row');
  const distance = graph.node('Abs', [graph.node('Sub', [row, index], 'offset')], 'distance');
  const near = graph.node('LessOrEqual', [distance, window], 'near');
  const sees = graph.node('Less', [row, globals], 'row.global');
  const seen = graph.node('Less', [index, globals], 'column.global');
  const global = graph.node('Or', [sees, seen], 'global');
  const pattern = graph.node('Or', [near, global], 'pattern');
  return graph.node('And', [pattern, within], 'visible');
}
