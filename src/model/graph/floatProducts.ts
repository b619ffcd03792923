import { int } from './attributes.js';
import { attentionProjections, onnxRuntimeDomain, type Products } from './runtimeLayer.js';
import { floats } from './tensorData.js';
import { floatProduct, productBias } from './weights.js';

/** Products in FP32, attention fused. */
export const floatProducts: Products = {
  attention(part, input) {
    const { graph, encoder, name, mask } = part;
    const linears = attentionProjections(part);
    const { data, inputs, outputs } = floatProduct(linears);
    const parts = [
      input,
      graph.constant(`${name}.attention.queryKeyValue.weight`, floats('float32', data, [inputs, outputs])),
      graph.constant(
        `${name}.attention.queryKeyValue.bias`,
        floats('float32', productBias(linears), [outputs]),
      ),
      mask,
    ];
    return graph.node('Attention', parts, `${name}.context`, {
      domain: onnxRuntimeDomain,
      attributes: { num_heads: int(encoder.architecture.heads) },
    });
  },

  linear({ graph, layer, name }, input, linear) {
    const own = `${name}.${linear}`;
    const { data, inputs, outputs } = floatProduct([layer.linear[linear]]);
    const weight = graph.constant(`${own}.weight`, floats('float32', data, [inputs, outputs]));
    const bias = graph.constant(`${own}.bias`, floats('float32', layer.linear[linear].bias, [outputs]));
    return graph.node('Add', [graph.node('MatMul', [input, weight], `${own}.product`), bias], own);
  },
};
