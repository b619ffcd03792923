import type { ActivationSite, EncoderLayer } from '../encoder.js';
import { int } from './attributes.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { floats, floatScalar, int8s, uint8s, type FloatType } from './tensorData.js';
import type { Int8Product } from './weights.js';

/** The least half above zero: no scale may round to nothing. */
const leastHalf = 2 ** -24;

/** One activation site of one layer, as the bundle names it, and its step. */
export interface Site {
  /** `layer.N.activation.SITE` */
  readonly name: string;
  readonly step: number;
}

/** A site of the layer called `name`; whether it has a step is checked before anything is written. */
export function siteOf(layer: EncoderLayer, site: ActivationSite, name: string): Site {
  const step = layer.activation?.[site];
  if (step === undefined) throw new TypeError(`${name} has no step at ${site}`);
  return { name: `${name}.activation.${site}`, step };
}

/** The step as a scalar of the graph. */
export function stepOf(graph: GraphBuilder, { name, step }: Site, type: FloatType): Value {
  return graph.constant(name, floatScalar(type, Math.max(step, leastHalf)));
}

/** Signed, zero point 0: INT8 as TensorRT has it. */
export function quantize(graph: GraphBuilder, input: Value, site: Site, type: FloatType): Value {
  const parts = [input, stepOf(graph, site, type), zeroPoint(graph)];
  return graph.node('QuantizeLinear', parts, `${input}.quantized`);
}

export function dequantize(graph: GraphBuilder, input: Value, site: Site, type: FloatType): Value {
  const parts = [input, stepOf(graph, site, type), zeroPoint(graph)];
  return graph.node('DequantizeLinear', parts, `${input}.dequantized`);
}

/** Unsigned, zero point 128: the same numbers as ONNX Runtime multiplies them fastest. */
export function quantizeUnsigned(graph: GraphBuilder, input: Value, site: Site): Value {
  const parts = [input, stepOf(graph, site, 'float32'), unsignedZeroPoint(graph)];
  return graph.node('QuantizeLinear', parts, `${input}.quantized`);
}

/** INT8 weights `[inputs, outputs]` behind a DequantizeLinear with one scale an output. */
export function dequantizedWeights(
  graph: GraphBuilder,
  { data, scale, inputs, outputs }: Int8Product,
  name: string,
  type: FloatType,
): Value {
  const scales = scale.map((value) => Math.max(value, leastHalf));
  const weight = graph.constant(`${name}.weight`, int8s(data, [inputs, outputs]));
  const parts = [
    weight,
    graph.constant(`${name}.scale`, floats(type, scales, [outputs])),
    graph.constant(`${name}.zero`, int8s(new Int8Array(outputs), [outputs])),
  ];
  return graph.node('DequantizeLinear', parts, `${weight}.dequantized`, { attributes: { axis: int(1) } });
}

export function zeroPoint(graph: GraphBuilder): Value {
  return graph.constant('zero.int8', int8s(Int8Array.of(0), []));
}

export function unsignedZeroPoint(graph: GraphBuilder): Value {
  return graph.constant('zero.uint8', uint8s(Uint8Array.of(128), []));
}
