import type { Encoder } from '../encoder.js';
import { GraphBuilder } from './graphBuilder.js';
import { writeOnnxRuntimeEncoder } from './onnxRuntimeEncoder.js';
import { checkGraphOptions, type EncoderGraphOptions } from './options.js';
import { pluginDomain } from './pluginAttention.js';
import { writePortableEncoder } from './portableEncoder.js';
import { onnxRuntimeDomain } from './runtimeLayer.js';

const operatorSet = 20;

/**
 * Writes an encoder as an ONNX model: inputs `tokens` int32 `[B, S]` and `lengths` int32 `[B]`, output
 * `embedding` float32 `[B, hidden]`. `S` is at most the architecture's positions; tokens past an
 * utterance's length change nothing.
 *
 * INT8 for TensorRT computes in FP16 between its products (a strongly typed network) and quantizes the
 * products' outputs, which lets TensorRT choose sparse tactics; INT8 for ONNX Runtime leaves those outputs
 * in FP32.
 *
 * @returns the serialized model, operator set 20, IR version 9.
 * @throws IntentdError `bad_graph_options` if attention and precision do not go together, `not_quantized`
 *   if INT8 is asked of an encoder without INT8 weights and steps.
 */
export function encoderToOnnx(encoder: Encoder, options: EncoderGraphOptions): Uint8Array {
  checkGraphOptions(encoder, options);
  const graph = new GraphBuilder('encoder');
  const { precision, attention } = options;
  if (attention === 'onnxruntime') {
    const weights = precision === 'int8' ? (options.weights ?? 'u8s8') : undefined;
    writeOnnxRuntimeEncoder(graph, encoder, weights);
    return graph.toModel({ '': operatorSet, [onnxRuntimeDomain]: 1 });
  }
  const plugin = attention === 'plugin';
  const type = precision === 'fp32' ? 'float32' : 'float16';
  writePortableEncoder(graph, encoder, { type, quantized: precision === 'int8', plugin });
  return graph.toModel({ '': operatorSet, ...(plugin ? { [pluginDomain]: 1 } : {}) });
}
