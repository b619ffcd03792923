import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { IntentdError, messageOf } from '../../base/index.js';

/**
 * How long a thread looks out for more work before it sleeps. ONNX Runtime's own choice is several
 * milliseconds, which on a quiet device is most of the processor time that an utterance costs.
 */
const spinUs = 300;

/** How ONNX Runtime is set up for one session. */
export interface SessionSettings {
  /** Threads that share one product. */
  readonly threads: number;
}

/**
 * Makes a session of a graph that was written for ONNX Runtime.
 *
 * The graph is already fused as it should be, so only the basic optimizations run: the extended ones would
 * merge sums into LayerNorm, which is slower. Where every buffer of an inference lies is planned once a
 * shape and kept: a few kilobytes for each of the shapes that utterances come in, and every inference after
 * it takes its memory in one piece. Weights stay out of the arena: once they are packed for the products,
 * what they were packed from is freed.
 *
 * @throws IntentdError `bad_graph` if ONNX Runtime refuses it.
 */
export async function openSession(
  what: string,
  onnx: Uint8Array,
  { threads }: SessionSettings,
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(onnx, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'basic',
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableCpuMemArena: true,
      enableMemPattern: true,
      logSeverityLevel: 3,
      extra: {
        session: {
          intra_op: { spin_duration_us: String(spinUs) },
          use_device_allocator_for_initializers: '1',
        },
      },
    });
  } catch (cause) {
    throw new IntentdError('bad_graph', `ONNX Runtime refuses ${what}: ${messageOf(cause)}.`, { cause });
  }
}

/**
 * Runs a session for one of its outputs.
 *
 * @throws IntentdError `inference_failed`
 */
export async function runFor(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  output: string,
): Promise<Float32Array> {
  let data: unknown;
  try {
    data = (await session.run(feeds, [output]))[output]?.data;
  } catch (cause) {
    throw new IntentdError('inference_failed', `ONNX Runtime failed: ${messageOf(cause)}.`, { cause });
  }
  if (!(data instanceof Float32Array)) {
    throw new IntentdError('inference_failed', `ONNX Runtime gave no float32 ${output}.`);
  }
  return data;
}
