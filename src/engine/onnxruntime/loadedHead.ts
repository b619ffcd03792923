import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { headToOnnx, type HeadWeights } from '../../model/index.js';
import { openSession, runFor } from './session.js';

/** A head in ONNX Runtime. Whoever began with it ends with it, though it be replaced in between. */
export class LoadedHead {
  private users = 0;
  private retired = false;

  private constructor(
    private readonly session: InferenceSession,
    private readonly hidden: number,
  ) {}

  /** @throws IntentdError `bad_head` if it is no head for embeddings of `hidden` numbers, or `bad_graph`. */
  static async open(name: string, head: HeadWeights, hidden: number): Promise<LoadedHead> {
    const onnx = headToOnnx(head, hidden);
    return new LoadedHead(
      await openSession(`the head ${JSON.stringify(name)}`, onnx, { threads: 1 }),
      hidden,
    );
  }

  /** Calls `work` with what turns embeddings `[size, hidden]` into logits; the session lives until it ends. */
  async during<T>(
    work: (logitsOf: (embeddings: Float32Array) => Promise<Float32Array>) => Promise<T>,
  ): Promise<T> {
    this.users++;
    try {
      return await work((embeddings) => this.logits(embeddings));
    } finally {
      this.users--;
      await this.releaseIfUnused();
    }
  }

  /** Frees it once nobody uses it any more. */
  async retire(): Promise<void> {
    this.retired = true;
    await this.releaseIfUnused();
  }

  private logits(embeddings: Float32Array): Promise<Float32Array> {
    const embedding = new Tensor('float32', embeddings, [embeddings.length / this.hidden, this.hidden]);
    return runFor(this.session, { embedding }, 'logits');
  }

  private async releaseIfUnused(): Promise<void> {
    if (this.retired && this.users === 0) await this.session.release();
  }
}
