import { IntentdError } from '../../base/index.js';
import type { HeadWeights } from '../encoder.js';
import { activate } from './activationFunction.js';
import { int } from './attributes.js';
import { GraphBuilder, type Value } from './graphBuilder.js';
import { floats } from './tensorData.js';

/**
 * Writes a head as an ONNX model: input `embedding` float32 `[B, hidden]`, output `logits` float32
 * `[B, intents + background]`.
 *
 * @param hidden the size of the encoder's embedding.
 * @throws IntentdError `bad_head` if the weights do not fit that size or each other.
 */
export function headToOnnx(head: HeadWeights, hidden: number): Uint8Array {
  const graph = new GraphBuilder('head');
  const outputs = head.intents + head.background;
  const embedding = graph.input('embedding', 'float32', ['B', hidden]);
  let features: Value = embedding;
  let size = hidden;
  if (head.hidden) {
    size = head.hidden.size;
    const middle = affine(graph, features, head.hidden, { inputs: hidden, outputs: size, name: 'hidden' });
    features = activate(graph, head.hidden.activation, middle, 'hidden.activation');
  }
  affine(graph, features, head.output, { inputs: size, outputs, name: 'logits' });
  graph.output('logits', 'float32', ['B', outputs]);
  return graph.toModel({ '': 20 });
}

interface Affine {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** `input · Wᵀ + b`, with `weight` `[outputs, inputs]`. */
function affine(
  graph: GraphBuilder,
  input: Value,
  { weight, bias }: Affine,
  { inputs, outputs, name }: { inputs: number; outputs: number; name: string },
): Value {
  if (weight.length !== outputs * inputs || bias.length !== outputs) {
    throw new IntentdError(
      'bad_head',
      `The head's ${name} weights should be [${outputs}, ${inputs}] with ${outputs} biases, ` +
        `but there are ${weight.length} and ${bias.length}.`,
    );
  }
  const matrix = graph.constant(`${name}.weight`, floats('float32', weight, [outputs, inputs]));
  const offset = graph.constant(`${name}.bias`, floats('float32', bias, [outputs]));
  return graph.node('Gemm', [input, matrix, offset], name, { attributes: { transB: int(1) } });
}
