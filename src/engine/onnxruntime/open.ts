import type { Engine } from '../engine.js';
import type { OnnxRuntimeEngineOptions } from './onnxRuntimeEngine.js';

/**
 * Loads an encoder into ONNX Runtime in this process. The library is loaded here and not before: a
 * process that only talks to engines never holds it.
 *
 * @throws IntentdError `not_quantized`, `bad_graph`
 */
export async function openOnnxRuntimeEngine(options: OnnxRuntimeEngineOptions): Promise<Engine> {
  const { OnnxRuntimeEngine } = await import('./onnxRuntimeEngine.js');
  return OnnxRuntimeEngine.create(options);
}
