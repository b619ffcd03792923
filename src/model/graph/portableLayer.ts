import type { ActivationSite, Encoder, EncoderLayer, Linear, LinearName } from '../encoder.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { dequantize, dequantizedWeights, quantize, siteOf } from './quantization.js';
import { floats, type FloatType } from './tensorData.js';
import type { TokenIndex } from './tokenIndex.js';
import { floatProduct, int8Product, productBias } from './weights.js';

/** What the layers of a portable graph share. */
export interface PortableGraph {
  readonly graph: GraphBuilder;
  readonly encoder: Encoder;
  readonly tokens: TokenIndex;
  /** What LayerNorm, softmax, GELU and residual sums compute in. */
  readonly type: FloatType;
  /** Whether products and their outputs go through INT8. */
  readonly quantized: boolean;
}

/** One layer of such a graph. */
export interface PortableLayer extends PortableGraph {
  readonly layer: EncoderLayer;
  /** `layer.N` */
  readonly name: string;
}

/** The value as the site's INT8 step holds it, or as it is where nothing is quantized. */
export function atSite(part: PortableLayer, name: ActivationSite, value: Value): Value {
  if (!part.quantized) return value;
  const site = siteOf(part.layer, name, part.name);
  return dequantize(part.graph, quantize(part.graph, value, site, part.type), site, part.type);
}

/** `input · W + b` of a linear layer, or of several side by side as one product with a name of its own. */
export function product(
  part: PortableLayer,
  input: Value,
  linears: readonly LinearName[],
  productName: string = linears.join('+'),
): Value {
  const { graph, layer, type, quantized } = part;
  const name = `${part.name}.${productName}`;
  const together = linears.map((linear) => layer.linear[linear]);
  const weights = quantized
    ? dequantizedWeights(graph, int8Product(together), name, type)
    : floatWeights(part, together, name);
  const bias = productBias(together);
  const offset = graph.constant(`${name}.bias`, floats(type, bias, [bias.length]));
  return graph.node('Add', [graph.node('MatMul', [input, weights], `${name}.product`), offset], name);
}

function floatWeights({ graph, type }: PortableLayer, linears: readonly Linear[], name: string): Value {
  const { data, inputs, outputs } = floatProduct(linears);
  return graph.constant(`${name}.weight`, floats(type, data, [inputs, outputs]));
}
