import { IntentdError } from '../../base/index.js';
import type { HeadWeights } from '../../model/index.js';
import type { Engine, EngineInfo, Inference, TokenBatch } from '../engine.js';
import { LoadedHead } from '../onnxruntime/loadedHead.js';
import { checkTokenBatch, type TokenLimits } from '../tokenBatch.js';
import type { Bucket, EngineHandle, NativeAddon } from './addon.js';
import { asOwn } from './nativeError.js';
import { largestBatch } from './shapes.js';

export interface TensorRtEngineOptions {
  readonly addon: NativeAddon;
  readonly plan: Uint8Array;
  readonly buckets: readonly Bucket[];
  readonly limits: TokenLimits;
  readonly info: EngineInfo;
}

/**
 * TensorRT in this process, through the addon. Embeddings come into one array that is used again: what
 * `embed` and `infer` give is valid until the next call.
 */
export class TensorRtEngine implements Engine {
  readonly info: EngineInfo;
  /** GPU time of all batches since it was loaded, in µs. */
  gpuUs = 0;
  readonly handle: EngineHandle;
  readonly #addon: NativeAddon;
  readonly #buckets: readonly Bucket[];
  readonly #limits: TokenLimits;
  readonly #heads = new Map<string, LoadedHead>();
  #embeddings: Float32Array;
  #closed = false;

  private constructor(handle: EngineHandle, { addon, buckets, limits, info }: TensorRtEngineOptions) {
    this.handle = handle;
    this.info = info;
    this.#addon = addon;
    this.#buckets = buckets;
    this.#limits = limits;
    this.#embeddings = new Float32Array(Math.max(...buckets.map(({ batch }) => batch)) * info.hidden);
  }

  /** @throws IntentdError `bad_engine`, `out_of_memory`, `plugin`, `cuda` */
  static async load(options: TensorRtEngineOptions): Promise<TensorRtEngine> {
    const { addon, plan, buckets, info } = options;
    const handle = await asOwn(addon.loadEngine(plan, { buckets, graphs: true }));
    const { hidden } = addon.engineInfo(handle);
    if (hidden === info.hidden) return new TensorRtEngine(handle, options);
    await addon.unloadEngine(handle);
    throw new IntentdError(
      'bad_engine',
      `The engine gives ${hidden} numbers an utterance, not ${info.hidden}.`,
    );
  }

  /** @throws IntentdError `bad_head`, `bad_graph`, `engine_closed` */
  async loadHead(name: string, head: HeadWeights): Promise<void> {
    this.#checkOpen();
    const loaded = await LoadedHead.open(name, head, this.info.hidden);
    const previous = this.#heads.get(name);
    this.#heads.set(name, loaded);
    await previous?.retire();
  }

  /** @throws IntentdError `unknown_head` */
  async dropHead(name: string): Promise<void> {
    const head = this.#headCalled(name);
    this.#heads.delete(name);
    await head.retire();
  }

  /** @throws IntentdError `bad_tokens`, `engine_closed`, `cuda` */
  async embed(batch: TokenBatch): Promise<Float32Array> {
    this.#checkOpen();
    checkTokenBatch(batch, this.#limits);
    const { size, sequence } = batch;
    const { hidden } = this.info;
    if (this.#embeddings.length < size * hidden) this.#embeddings = new Float32Array(size * hidden);
    const most = largestBatch(this.#buckets, sequence);
    for (let at = 0; at < size; at += most) await this.#run(batch, at, Math.min(most, size - at));
    return this.#embeddings.subarray(0, size * hidden);
  }

  /** @throws IntentdError `unknown_head`, `bad_tokens`, `engine_closed`, `cuda`, `inference_failed` */
  async infer(batch: TokenBatch, head: string): Promise<Inference> {
    return this.#headCalled(head).during(async (logitsOf) => {
      const before = this.gpuUs;
      const embeddings = await this.embed(batch);
      return { logits: await logitsOf(embeddings), embeddings, gpuUs: this.gpuUs - before };
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const head of this.#heads.values()) await head.retire();
    this.#heads.clear();
    await this.#addon.unloadEngine(this.handle);
  }

  /** Rows `at` and the `size` − 1 after it, which fit one bucket. */
  async #run({ ids, lengths, sequence }: TokenBatch, at: number, size: number): Promise<void> {
    const { hidden } = this.info;
    const end = at + size;
    this.gpuUs += await asOwn(
      this.#addon.infer(
        this.handle,
        ids.subarray(at * sequence, end * sequence),
        lengths.subarray(at, end),
        size,
        sequence,
        this.#embeddings.subarray(at * hidden, end * hidden),
      ),
    );
  }

  #headCalled(name: string): LoadedHead {
    this.#checkOpen();
    const head = this.#heads.get(name);
    if (head !== undefined) return head;
    throw new IntentdError('unknown_head', `The engine has no head ${JSON.stringify(name)} loaded.`);
  }

  #checkOpen(): void {
    if (this.#closed) throw new IntentdError('engine_closed', 'The engine is closed; load it again.');
  }
}
