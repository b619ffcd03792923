import { IntentdError } from '../../base/index.js';
import type { HeadWeights } from '../../model/index.js';
import type { Engine, EngineInfo, Inference, TokenBatch } from '../engine.js';

/**
 * Answers every utterance with zeros, without inference: what remains is the daemon's own work, to be
 * measured. Of heads it knows only how many outputs they have.
 */
export class NoEngine implements Engine {
  readonly info: EngineInfo;
  private readonly widths = new Map<string, number>();

  /**
   * @param encoder SHA-256 of the encoder that it stands for
   * @param hidden the size of that encoder's embedding
   */
  constructor(encoder: string, hidden: number) {
    this.info = { kind: 'none', version: '0', precision: 'fp32', form: 'none', encoder, hidden };
  }

  loadHead(name: string, { intents, background }: HeadWeights): Promise<void> {
    this.widths.set(name, intents + background);
    return Promise.resolve();
  }

  dropHead(name: string): Promise<void> {
    this.widths.delete(name);
    return Promise.resolve();
  }

  embed({ size }: TokenBatch): Promise<Float32Array> {
    return Promise.resolve(new Float32Array(size * this.info.hidden));
  }

  /** @throws IntentdError `unknown_head` */
  async infer(batch: TokenBatch, head: string): Promise<Inference> {
    const width = this.widths.get(head);
    if (width === undefined) {
      throw new IntentdError('unknown_head', `The engine has no head ${JSON.stringify(head)} loaded.`);
    }
    return { logits: new Float32Array(batch.size * width), embeddings: await this.embed(batch) };
  }

  close(): Promise<void> {
    this.widths.clear();
    return Promise.resolve();
  }
}
