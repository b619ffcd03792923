import type { Engine } from '../engine.js';
import type { Multiplication } from './multiplication.js';
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

/**
 * Matrix products through ONNX Runtime in this process, for planning and importing models.
 *
 * @param threads that share one product; two if absent
 */
export async function openMultiplication(threads = 2): Promise<Multiplication> {
  const { createMultiplication } = await import('./multiplication.js');
  return createMultiplication(threads);
}
