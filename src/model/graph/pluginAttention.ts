import { float, int, text, type Attribute } from './attributes.js';
import type { Value } from './graphBuilder.js';
import { product, type PortableLayer } from './portableLayer.js';
import { dequantize, siteOf } from './quantization.js';
import { roundedTo } from './tensorData.js';

/** The operator set of the node that `plugins/local_global_attention` computes. */
export const pluginDomain = 'trt.plugins';

/**
 * Projects query, key and value as one product and attends with the node `LocalGlobalAttention`. Where the graph is
 * quantized the node takes FP16 and gives INT8: a step before it would be a kernel of its own, and the product that is
 * left in FP16 runs dense in TensorRT even where its weights are 2:4, so value is not kept apart.
 */
export function pluginAttention(part: PortableLayer, input: Value): Value {
  const { graph, layer, name, type } = part;
  const projected = product(
    part,
    input,
    ['attention.query', 'attention.key', 'attention.value'],
    'attention.queryKeyValue',
  );
  if (!part.quantized) return attentionNode(part, projected, `${name}.context`, {});
  const output = siteOf(layer, 'context', name);
  const steps = { outputScale: float(roundedTo(type, output.step)) };
  return dequantize(graph, attentionNode(part, projected, `${name}.context`, steps), output, type);
}

function attentionNode(
  { graph, encoder, tokens }: PortableLayer,
  projected: Value,
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
    packed: int(1),
    ...steps,
  };
  return graph.node('LocalGlobalAttention', [projected, tokens.lengths], name, {
    domain: pluginDomain,
    attributes,
  });
}
