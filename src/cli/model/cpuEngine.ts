import { openOnnxRuntimeEngine, type Engine } from '../../engine/index.js';
import type { Bundle } from '../../model/index.js';

export interface CpuEngineOptions {
  readonly precision: 'int8' | 'fp32';
  /** Threads that share one inference; the engine's own choice if absent. */
  readonly threads?: number;
}

/**
 * ONNX Runtime in this process, with a bundle's encoder and its head, loaded under the bundle's id.
 * `fp32` computes with the bundle's own weights, without rounding activations.
 *
 * @throws IntentdError `bad_graph` or `bad_head`
 */
export async function openCpuEngine(bundle: Bundle, options: CpuEngineOptions): Promise<Engine> {
  const { manifest, encoder, head } = bundle;
  const engine = await openOnnxRuntimeEngine({ encoder, digest: head.encoder, ...options });
  try {
    await engine.loadHead(manifest.id, head);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}
