import type { Matrix } from '../encoder.js';
import { float, int, text, type Attribute } from './attributes.js';
import type { Value } from './graphBuilder.js';
import { product, type PortableLayer } from './portableLayer.js';
import { dequantize, quantize, siteOf } from './quantization.js';
import { roundedTo } from './tensorData.js';

/** The operator set of the node that `plugins/local_global_attention` computes. */
export const pluginDomain = 'trt.plugins';

const queryKey = ['attention.query', 'attention.key'] as const;

/**
 * Projects query, key and value and attends with the node `LocalGlobalAttention`. Where value is 2:4 it
 * is a product of its own: fused with the dense query and key it could not run sparse.
 */
export function pluginAttention(part: PortableLayer, input: Value): Value {
  const { graph, layer, name, type } = part;
  const packed = !isSparse(layer.linear['attention.value'].weight);
  const projected = packed
    ? [product(part, input, [...queryKey, 'attention.value'], 'attention.queryKeyValue')]
    : [product(part, input, queryKey, 'attention.queryKey'), product(part, input, ['attention.value'])];
  if (!part.quantized) return attentionNode(part, projected, `${name}.context`, {});
  const inputs = siteOf(layer, 'qkv', name);
  const output = siteOf(layer, 'context', name);
  const whole = projected.map((value) => quantize(graph, value, inputs, type));
  const steps = {
    inputScale: float(roundedTo(type, inputs.step)),
    outputScale: float(roundedTo(type, output.step)),
  };
  return dequantize(graph, attentionNode(part, whole, `${name}.context`, steps), output, type);
}

function attentionNode(
  { graph, encoder, tokens }: PortableLayer,
  projected: readonly Value[],
  name: string,
  steps: Readonly<Record<string, Attribute>>,
): Value {
  const { heads, hidden } = encoder.architecture;
  const attributes = {
    plugin_version: text('1'),
    heads: int(heads),
    windowEachSide: int(encoder.attention.windowEachSide),
    globalTokens: int(encoder.attention.globalTokens),
    scale: float(1 / Math.sqrt(hidden / heads)),
    packed: int(projected.length === 1 ? 1 : 0),
    ...steps,
  };
  return graph.node('LocalGlobalAttention', [...projected, tokens.lengths], name, {
    domain: pluginDomain,
    attributes,
  });
}

function isSparse(weight: Matrix): boolean {
  return weight.kind === 'int8' && weight.sparse;
}
