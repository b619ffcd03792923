import type { Linear } from '../encoder.js';
import { int } from './attributes.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import type { WeightForm } from './options.js';
import { quantizeUnsigned, siteOf, stepOf, unsignedZeroPoint, zeroPoint } from './quantization.js';
import { attentionProjections, onnxRuntimeDomain, type Products } from './runtimeLayer.js';
import { floats, int8s, uint8s } from './tensorData.js';
import { int8Product, productBias, shiftToUnsigned } from './weights.js';

/**
 * Products in INT8 with the bundle's steps: activations unsigned with zero point 128, which are the same
 * numbers as signed with 0, and weights in the given form. Sums leave each product as float32, bias added.
 */
export function int8Products(form: WeightForm): Products {
  return {
    attention(part, input) {
      const { graph, encoder, name, mask } = part;
      const site = siteOf(part.layer, 'input', name);
      const own = `${name}.attention.queryKeyValue`;
      const weights = int8Weights(graph, attentionProjections(part), own, form);
      const parts = [
        quantizeUnsigned(graph, input, site),
        weights.data,
        weights.bias,
        stepOf(graph, site, 'float32'),
        weights.scale,
        mask,
        unsignedZeroPoint(graph),
        weights.zeroPoint,
      ];
      return graph.node('QAttention', parts, `${name}.context`, {
        domain: onnxRuntimeDomain,
        attributes: { num_heads: int(encoder.architecture.heads) },
      });
    },

    linear({ graph, layer, name }, input, linear, siteName) {
      const site = siteOf(layer, siteName, name);
      const own = `${name}.${linear}`;
      const weights = int8Weights(graph, [layer.linear[linear]], own, form);
      const parts = [
        quantizeUnsigned(graph, input, site),
        weights.data,
        stepOf(graph, site, 'float32'),
        weights.scale,
        unsignedZeroPoint(graph),
        weights.zeroPoint,
        weights.bias,
      ];
      return graph.node('MatMulIntegerToFloat', parts, own, { domain: onnxRuntimeDomain });
    },
  };
}

interface Int8Weights {
  readonly data: Value;
  readonly scale: Value;
  readonly zeroPoint: Value;
  readonly bias: Value;
}

function int8Weights(
  graph: GraphBuilder,
  linears: readonly Linear[],
  name: string,
  form: WeightForm,
): Int8Weights {
  const { data, scale, inputs, outputs } = int8Product(linears);
  const shape = [inputs, outputs];
  const signed = form === 'u8s8';
  return {
    data: graph.constant(
      `${name}.weight`,
      signed ? int8s(data, shape) : uint8s(shiftToUnsigned(data), shape),
    ),
    scale: graph.constant(`${name}.scale`, floats('float32', scale, [outputs])),
    zeroPoint: signed ? zeroPoint(graph) : unsignedZeroPoint(graph),
    bias: graph.constant(`${name}.bias`, floats('float32', productBias(linears), [outputs])),
  };
}
