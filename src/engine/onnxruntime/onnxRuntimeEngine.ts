import { availableParallelism } from 'node:os';
import { env, Tensor, type InferenceSession } from 'onnxruntime-node';
import { IntentdError } from '../../base/index.js';
import { encoderToOnnx, type Encoder, type HeadWeights, type WeightForm } from '../../model/index.js';
import type { Engine, EngineInfo, Inference, TokenBatch } from '../engine.js';
import { checkTokenBatch, idsUpTo, type TokenLimits } from '../tokenBatch.js';
import { LoadedHead } from './loadedHead.js';
import { openSession, runFor } from './session.js';
import { weightFormHere } from './weightForm.js';

export interface OnnxRuntimeEngineOptions {
  readonly encoder: Encoder;
  /** SHA-256 of the encoder's `encoder.safetensors`. */
  readonly digest: string;
  /** `int8` if absent, which needs an INT8 encoder with activation steps. */
  readonly precision?: 'int8' | 'fp32';
  /**
   * Threads that share one inference. If absent two, or one where that would be every processor there is:
   * a broker and a daemon that must wait cost more than the second thread gains.
   */
  readonly threads?: number;
  /** Form of the INT8 weights; what the processor computes exactly and fastest if absent. */
  readonly form?: WeightForm;
}

/**
 * ONNX Runtime's CPU provider in this process. `embed` and `infer` block the event loop while they
 * compute: a daemon runs this in a process of its own.
 */
export class OnnxRuntimeEngine implements Engine {
  private readonly heads = new Map<string, LoadedHead>();
  private closed = false;

  private constructor(
    readonly info: EngineInfo,
    private readonly encoder: InferenceSession,
    private readonly limits: TokenLimits,
  ) {}

  /**
   * Loads an encoder; heads come one by one through `loadHead`.
   *
   * @throws IntentdError `not_quantized` if INT8 is asked of a floating-point encoder, `bad_graph` if ONNX
   *   Runtime refuses what the encoder becomes.
   */
  static async create(options: OnnxRuntimeEngineOptions): Promise<OnnxRuntimeEngine> {
    const { encoder, digest, precision = 'int8', form = weightFormHere() } = options;
    const { threads = availableParallelism() > 2 ? 2 : 1 } = options;
    const int8 = precision === 'int8';
    const weights = int8 ? { weights: form } : {};
    const onnx = encoderToOnnx(encoder, { precision, attention: 'onnxruntime', ...weights });
    const session = await openSession('the encoder', onnx, { threads });
    const { hidden } = encoder.architecture;
    const info: EngineInfo = {
      kind: 'onnxruntime',
      version: env.versions.node ?? env.versions.common,
      precision,
      form: int8 ? `static-${form}` : 'fp32',
      encoder: digest,
      hidden,
    };
    return new OnnxRuntimeEngine(info, session, encoder.architecture);
  }

  /** @throws IntentdError `bad_head` if it does not fit the encoder, `bad_graph`, `engine_closed` */
  async loadHead(name: string, head: HeadWeights): Promise<void> {
    this.checkOpen();
    const loaded = await LoadedHead.open(name, head, this.info.hidden);
    const previous = this.heads.get(name);
    this.heads.set(name, loaded);
    await previous?.retire();
  }

  /** @throws IntentdError `unknown_head` */
  async dropHead(name: string): Promise<void> {
    const head = this.headCalled(name);
    this.heads.delete(name);
    await head.retire();
  }

  /** @throws IntentdError `bad_tokens`, `engine_closed`, `inference_failed` */
  async embed(batch: TokenBatch): Promise<Float32Array> {
    this.checkOpen();
    const longest = checkTokenBatch(batch, this.limits);
    const feeds = {
      tokens: new Tensor('int32', idsUpTo(batch, longest), [batch.size, longest]),
      lengths: new Tensor('int32', batch.lengths, [batch.size]),
    };
    return runFor(this.encoder, feeds, 'embedding');
  }

  /** @throws IntentdError `unknown_head`, `bad_tokens`, `engine_closed`, `inference_failed` */
  async infer(batch: TokenBatch, head: string): Promise<Inference> {
    return this.headCalled(head).during(async (logitsOf) => {
      const embeddings = await this.embed(batch);
      return { logits: await logitsOf(embeddings), embeddings };
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const head of this.heads.values()) await head.retire();
    this.heads.clear();
    await this.encoder.release();
  }

  private headCalled(name: string): LoadedHead {
    this.checkOpen();
    const head = this.heads.get(name);
    if (head === undefined) {
      throw new IntentdError('unknown_head', `The engine has no head ${JSON.stringify(name)} loaded.`);
    }
    return head;
  }

  private checkOpen(): void {
    if (this.closed) throw new IntentdError('engine_closed', 'The engine is closed; load it again.');
  }
}
