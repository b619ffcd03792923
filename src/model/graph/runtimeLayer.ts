import type { ActivationSite, Encoder, EncoderLayer, LinearName } from '../encoder.js';
import type { GraphBuilder, Value } from './graphBuilder.js';

/** ONNX Runtime's own operator set. */
export const onnxRuntimeDomain = 'com.microsoft';

/** One encoder layer on its way into a graph for ONNX Runtime. */
export interface RuntimeLayer {
  readonly graph: GraphBuilder;
  readonly encoder: Encoder;
  readonly layer: EncoderLayer;
  /** `layer.N` */
  readonly name: string;
  /** Lengths, or who sees whom: see `keyMask`. */
  readonly mask: Value;
}

/** How a layer multiplies: in INT8 or in floating point. Values in between are float32. */
export interface Products {
  /** Query, key and value projections and attention in one node: the context, `[B, S, hidden]`. */
  attention(part: RuntimeLayer, input: Value): Value;
  /** `input · W + b`, where `site` says how INT8 holds the input. */
  linear(part: RuntimeLayer, input: Value, linear: LinearName, site: ActivationSite): Value;
}

/** The projections that ONNX Runtime's attention nodes take as one matrix. */
export function attentionProjections({
  layer: { linear },
}: RuntimeLayer): EncoderLayer['linear'][LinearName][] {
  return [linear['attention.query'], linear['attention.key'], linear['attention.value']];
}
