import type { Outcome, Utterance } from '../base/index.js';
import type { ServedModel } from './model.js';
import type { Waiting } from './fairQueue.js';

/** What a request cost, for the request log; times in milliseconds. */
export interface Trace {
  readonly model: ServedModel | undefined;
  readonly tokens: number;
  readonly batchSize: number;
  readonly queueMs: number;
  readonly tokenizeMs: number;
  readonly inferMs: number;
  readonly totalMs: number;
}

/** Called exactly once for each request. */
export type Done = (outcome: Outcome, trace: Trace) => void;

/** A request on its way through the room. Times are readings of the monotonic clock. */
export class Pending implements Waiting {
  readonly group: string;
  #done: Done | undefined;
  /** When its batch left for the engine. */
  sentAt = 0;
  inferMs = 0;
  batchSize = 0;

  constructor(
    readonly utterance: Utterance,
    readonly sender: string,
    readonly model: ServedModel,
    readonly ids: Int32Array,
    readonly truncated: boolean,
    readonly bucket: number,
    readonly arrivedAt: number,
    readonly tokenizeMs: number,
    readonly deadline: number,
    done: Done,
  ) {
    this.group = `${model.head} ${bucket}`;
    this.#done = done;
  }

  /** Whether it was answered already. */
  get settled(): boolean {
    return this.#done === undefined;
  }

  /** Answers it, unless it was answered before. */
  settle(outcome: Outcome, now: number): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(outcome, this.trace(now));
  }

  trace(now: number): Trace {
    const left = this.sentAt === 0 ? now : this.sentAt;
    return {
      model: this.model,
      tokens: this.ids.length,
      batchSize: this.batchSize,
      queueMs: Math.max(0, left - this.arrivedAt - this.tokenizeMs),
      tokenizeMs: this.tokenizeMs,
      inferMs: this.inferMs,
      totalMs: now - this.arrivedAt,
    };
  }
}
