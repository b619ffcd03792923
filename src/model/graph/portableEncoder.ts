import type { Encoder } from '../encoder.js';
import { activate } from './activationFunction.js';
import { int } from './attributes.js';
import { embed, floatWords } from './embeddings.js';
import type { GraphBuilder, Value } from './graphBuilder.js';
import { layerNorm } from './layerNorm.js';
import { pluginAttention } from './pluginAttention.js';
import { pool } from './pooling.js';
import { atSite, product, type PortableGraph, type PortableLayer } from './portableLayer.js';
import { standardAttention, standardMask } from './standardAttention.js';
import { elementTypes, type FloatType } from './tensorData.js';
import { declareTokens } from './tokenIndex.js';

/** How a portable graph computes. */
export interface PortableForm {
  readonly type: FloatType;
  readonly quantized: boolean;
  /** Attention as the node of TensorRT's plugin rather than as standard operators. */
  readonly plugin: boolean;
}

/** Writes an encoder with ONNX's operators, and the plugin's attention node where the form says so. */
export function writePortableEncoder(graph: GraphBuilder, encoder: Encoder, form: PortableForm): void {
  const { type, quantized, plugin } = form;
  const tokens = declareTokens(graph, encoder.architecture.positions);
  const shared: PortableGraph = { graph, encoder, tokens, type, quantized };
  const mask = plugin ? undefined : standardMask(shared);
  let states = embed(graph, encoder, tokens, floatWords(graph, encoder, tokens, type), type);
  for (const [index, layer] of encoder.layers.entries()) {
    states = writeLayer({ ...shared, layer, name: `layer.${index}` }, states, mask);
  }
  if (type !== 'float32') {
    states = graph.node('Cast', [states], 'states', { attributes: { to: int(elementTypes.float32) } });
  }
  pool(graph, encoder, states, tokens);
}

function writeLayer(part: PortableLayer, states: Value, mask: Value | undefined): Value {
  const { graph, encoder, layer, name, type } = part;
  const input = atSite(part, 'input', states);
  const context = mask === undefined ? pluginAttention(part, input) : standardAttention(part, input, mask);
  const attended = atSite(part, 'attentionOutput', product(part, context, ['attention.output']));
  const sum = graph.node('Add', [attended, states], `${name}.attention.sum`);
  const middle = layerNorm(graph, encoder, sum, layer.attentionNorm, `${name}.attention.norm`, type);
  const wide = product(part, atSite(part, 'feedForwardInput', middle), ['intermediate']);
  const active = activate(graph, encoder.architecture.activation, wide, `${name}.activation`);
  const narrow = product(part, atSite(part, 'intermediate', active), ['output']);
  const fed = graph.node('Add', [atSite(part, 'feedForwardOutput', narrow), middle], `${name}.output.sum`);
  return layerNorm(graph, encoder, fed, layer.outputNorm, `${name}.output.norm`, type);
}
