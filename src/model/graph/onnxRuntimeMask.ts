import type { AttentionPattern } from '../encoder.js';
import { int, subgraph } from './attributes.js';
import { GraphBuilder, type Value } from './graphBuilder.js';
import { elementTypes, int64s } from './tensorData.js';
import type { TokenIndex } from './tokenIndex.js';
import { visibility } from './visibility.js';

/**
 * What ONNX Runtime's attention takes as its mask: the lengths, int32 `[B]`, where every token sees every
 * other (dense attention, or sequences no longer than the window), else who sees whom, int32 `[B, S, S]`.
 * The first costs nothing, and short utterances are all that most devices hear.
 */
export function keyMask(graph: GraphBuilder, pattern: AttentionPattern, tokens: TokenIndex): Value {
  if (pattern.windowEachSide < 0) return tokens.lengths;
  const reach = graph.constant('mask.reach', int64s(pattern.windowEachSide + 1));
  const short = graph.node('LessOrEqual', [tokens.sequence, reach], 'mask.short');
  return graph.node('If', [short], 'mask', {
    attributes: {
      then_branch: subgraph(lengthsAlone(tokens)),
      else_branch: subgraph(wholePattern(pattern, tokens)),
    },
  });
}

function lengthsAlone({ lengths }: TokenIndex): ReturnType<GraphBuilder['toGraph']> {
  const branch = new GraphBuilder('short');
  branch.output(branch.node('Identity', [lengths], 'mask.lengths'), 'int32');
  return branch.toGraph();
}

function wholePattern(pattern: AttentionPattern, tokens: TokenIndex): ReturnType<GraphBuilder['toGraph']> {
  const branch = new GraphBuilder('long');
  const visible = visibility(branch, pattern, tokens);
  const mask = branch.node('Cast', [visible], 'mask.visible', {
    attributes: { to: int(elementTypes.int32) },
  });
  branch.output(mask, 'int32');
  return branch.toGraph();
}
