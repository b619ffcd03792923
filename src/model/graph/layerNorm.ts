import type { Encoder, LayerNorm } from '../encoder.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { float, int } from './attributes.js';
import { floats, type FloatType } from './tensorData.js';

/** LayerNorm over the hidden dimension. */
export function layerNorm(
  graph: GraphBuilder,
  { architecture: { hidden, layerNormEpsilon } }: Encoder,
  input: Value,
  { weight, bias }: LayerNorm,
  name: string,
  type: FloatType,
): Value {
  const gain = graph.constant(`${name}.weight`, floats(type, weight, [hidden]));
  const offset = graph.constant(`${name}.bias`, floats(type, bias, [hidden]));
  const attributes = { axis: int(-1), epsilon: float(layerNormEpsilon) };
  return graph.node('LayerNormalization', [input, gain, offset], name, { attributes });
}
