import type { HeadWeights } from '../model/index.js';

/**
 * Token ids of several utterances, padded to one length.
 *
 * `ids` is `[size, sequence]` row-major, padded with 0; `lengths` is `[size]`, each 1…`sequence`.
 */
export interface TokenBatch {
  readonly ids: Int32Array;
  readonly lengths: Int32Array;
  readonly size: number;
  readonly sequence: number;
}

/** What an engine says of itself, for logs, `info` topics and reports. */
export interface EngineInfo {
  /** `onnxruntime` or `tensorrt`, with the version of the library. */
  readonly kind: string;
  readonly version: string;
  readonly precision: 'int8' | 'fp16' | 'fp32';
  /** Which form of the weights runs, e.g. `static-u8s8`: see docs/cpu-engine.md. */
  readonly form: string;
  /** SHA-256 of the encoder's `encoder.safetensors`. */
  readonly encoder: string;
  readonly hidden: number;
}

/** Raw outputs of one batch: `logits` `[size, outputs]`, `embeddings` `[size, hidden]`, row-major. */
export interface Inference {
  readonly logits: Float32Array;
  readonly embeddings: Float32Array;
  /** Time on the GPU, from copying in to copying out; absent where there is none. */
  readonly gpuUs?: number;
  /** Time in the worker, without what it waited for its turn there; absent where no worker was asked. */
  readonly workerUs?: number;
}

/** One loaded encoder and the heads on top of it. */
export interface Engine {
  readonly info: EngineInfo;
  /** Adds a head, or replaces the one of the same name. */
  loadHead(name: string, head: HeadWeights): Promise<void>;
  dropHead(name: string): Promise<void>;
  /** Embeddings, `[size, hidden]` row-major. */
  embed(batch: TokenBatch): Promise<Float32Array>;
  /** Runs the encoder and the named head; `logits` has the head's outputs, background rows last. */
  infer(batch: TokenBatch, head: string): Promise<Inference>;
  close(): Promise<void>;
}
