import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { IntentdError } from '../../base/index.js';
import { openSession, runFor, widthOf } from './session.js';

/** A head in ONNX Runtime. Whoever began with it ends with it, though it be replaced in between. */
export class LoadedHead {
  private users = 0;
  private retired = false;

  private constructor(
    private readonly session: InferenceSession,
    private readonly hidden: number,
  ) {}

  /** @throws IntentdError `bad_graph`, or `bad_head` if it is no head for embeddings of `hidden` numbers. */
  static async open(name: string, onnx: Uint8Array, hidden: number): Promise<LoadedHead> {
    const what = `the head ${JSON.stringify(name)}`;
    const session = await openSession(what, onnx, { threads: 1 });
    const width = widthOf(session.inputMetadata, 'embedding');
    if (width === hidden && widthOf(session.outputMetadata, 'logits') !== undefined) {
      return new LoadedHead(session, hidden);
    }
    await session.release();
    throw new IntentdError(
      'bad_head',
      `For this encoder ${what} should turn an embedding of ${hidden} numbers into logits, but it takes ` +
        `${width ?? 'no embedding'}.`,
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
