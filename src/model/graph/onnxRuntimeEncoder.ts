import type { Encoder } from '../encoder.js';
import { activate } from './activationFunction.js';
import { embed, floatWords, int8Words } from './embeddings.js';
import { floatProducts } from './floatProducts.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { int8Products } from './int8Products.js';
import { layerNorm } from './layerNorm.js';
import { keyMask } from './onnxRuntimeMask.js';
import type { WeightForm } from './options.js';
import { pool } from './pooling.js';
import type { Products, RuntimeLayer } from './runtimeLayer.js';
import { declareTokens } from './tokenIndex.js';

/** Writes an encoder with ONNX Runtime's own operators: INT8 in the given form, or FP32 without one. */
export function writeOnnxRuntimeEncoder(
  graph: GraphBuilder,
  encoder: Encoder,
  weights: WeightForm | undefined,
): void {
  const tokens = declareTokens(graph, encoder.architecture.positions);
  const mask = keyMask(graph, encoder.attention, tokens);
  const words = weights ? int8Words(graph, encoder, tokens) : floatWords(graph, encoder, tokens, 'float32');
  const products = weights ? int8Products(weights) : floatProducts;
  let states = embed(graph, encoder, tokens, words, 'float32');
  for (const [index, layer] of encoder.layers.entries()) {
    states = writeLayer({ graph, encoder, layer, name: `layer.${index}`, mask }, products, states);
  }
  pool(graph, encoder, states, tokens);
}

/** LayerNorm stays apart from the sum before it: ONNX Runtime's fusion of the two is several times slower. */
function writeLayer(part: RuntimeLayer, products: Products, states: Value): Value {
  const { graph, encoder, layer, name } = part;
  const context = products.attention(part, states);
  const attended = products.linear(part, context, 'attention.output', 'context');
  const sum = graph.node('Add', [attended, states], `${name}.attention.sum`);
  const middle = layerNorm(graph, encoder, sum, layer.attentionNorm, `${name}.attention.norm`, 'float32');
  const wide = products.linear(part, middle, 'intermediate', 'feedForwardInput');
  const active = activate(graph, encoder.architecture.activation, wide, `${name}.activation`);
  const narrow = products.linear(part, active, 'output', 'intermediate');
  const fed = graph.node('Add', [narrow, middle], `${name}.output.sum`);
  return layerNorm(graph, encoder, fed, layer.outputNorm, `${name}.output.norm`, 'float32');
}
