import type { LinearName } from '../encoder.js';
import { int, ints } from './attributes.js';
import type { Value } from './graphBuilder.js';
import { atSite, product, type PortableGraph, type PortableLayer } from './portableLayer.js';
import { floatScalar, int64s } from './tensorData.js';
import { visibility } from './visibility.js';

/** Added to the score of a token that is not seen: far under any score, within a half's range. */
const unseen = -10_000;

/** What is added to the scores of every head, `[B, 1, S or 1, S]`: 0 where seen, far below where not. */
export function standardMask({ graph, encoder, tokens, type }: PortableGraph): Value {
  const visible = visibility(graph, encoder.attention, tokens);
  const seen = graph.constant('mask.seen', floatScalar(type, 0));
  const hidden = graph.constant('mask.unseen', floatScalar(type, unseen));
  const rows = graph.node('Where', [visible, seen, hidden], 'mask.rows');
  return graph.node('Unsqueeze', [rows, graph.constant('axes.1', int64s(1))], 'mask');
}

/**
 * Attention in ONNX's own operators; the context is quantized at its site. The projections stay as their products
 * leave them: TensorRT 10.6 computes batches wrongly where INT8 lies between them and its fused attention.
 */
export function standardAttention(part: PortableLayer, input: Value, mask: Value): Value {
  const { graph, encoder, name, type } = part;
  const { hidden, heads } = encoder.architecture;
  const [query, key, value] = [
    headsOf(part, input, 'attention.query', [0, 2, 1, 3]),
    headsOf(part, input, 'attention.key', [0, 2, 3, 1]),
    headsOf(part, input, 'attention.value', [0, 2, 1, 3]),
  ];
  const scale = graph.constant('attention.scale', floatScalar(type, 1 / Math.sqrt(hidden / heads)));
  const scaled = graph.node('Mul', [query, scale], `${name}.attention.scaled`);
  const scores = graph.node('MatMul', [scaled, key], `${name}.attention.scores`);
  const masked = graph.node('Add', [scores, mask], `${name}.attention.masked`);
  const shares = graph.node('Softmax', [masked], `${name}.attention.shares`, {
    attributes: { axis: int(-1) },
  });
  const mixed = graph.node('MatMul', [shares, value], `${name}.attention.mixed`);
  const turned = graph.node('Transpose', [mixed], `${name}.attention.turned`, {
    attributes: { perm: ints(0, 2, 1, 3) },
  });
  const flat = graph.constant('attention.flat', int64s(0, 0, hidden));
  return atSite(part, 'context', graph.node('Reshape', [turned, flat], `${name}.context`));
}

/** A projection as one matrix a head. */
function headsOf(part: PortableLayer, input: Value, linear: LinearName, perm: number[]): Value {
  const { graph, encoder, name } = part;
  const { hidden, heads } = encoder.architecture;
  const projected = product(part, input, [linear]);
  const shape = graph.constant('attention.heads', int64s(0, 0, heads, hidden / heads));
  const split = graph.node('Reshape', [projected, shape], `${name}.${linear}.heads`);
  return graph.node('Transpose', [split], `${name}.${linear}.turned`, {
    attributes: { perm: ints(...perm) },
  });
}
