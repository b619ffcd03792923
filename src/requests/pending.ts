import { refused, type Outcome, type Utterance } from '../base/index.js';
import type { ObservedBatch } from './batchObserver.js';
import type { ServedModel } from './model.js';
import type { Waiting } from './fairQueue.js';

/** What a request cost, for the request log; times in milliseconds. */
export interface Trace {
  readonly model: ServedModel | undefined;
  readonly tokens: number;
  /** Padded length, in tokens; `null` where the request never became one of a batch's kind. */
  readonly bucket: number | null;
  readonly batchSize: number;
  /** What it ran in; absent where it never ran. */
  readonly batch?: ObservedBatch | undefined;
  readonly queueMs: number;
  readonly tokenizeMs: number;
  readonly inferMs: number;
  /** Time on the GPU, in microseconds; `null` where the engine does not tell. */
  readonly gpuUs: number | null;
  readonly totalMs: number;
}

/** Called exactly once for each request. */
export type Done = (outcome: Outcome, trace: Trace) => void;

export const late = refused('deadline_exceeded', 'The request could not be answered by its deadline.');

/** A request on its way through the room. Times are readings of the monotonic clock. */
export class Pending implements Waiting {
  readonly group: string;
  #done: Done | undefined;
  /** When its batch left for the engine. */
  sentAt = 0;
  inferMs = 0;
  gpuUs: number | null = null;
  batchSize = 0;
  batch: ObservedBatch | undefined;

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

  /** Answers it, unless it was answered before; an answer that is late is none. */
  settle(outcome: Outcome, now: number): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(outcome.ok && now > this.deadline ? late : outcome, this.trace(now));
  }

  /** Gives its answer into other hands: it counts as settled, and whoever takes it answers. */
  handOver(): Done | undefined {
    const done = this.#done;
    this.#done = undefined;
    return done;
  }

  trace(now: number): Trace {
    const left = this.sentAt === 0 ? now : this.sentAt;
    return {
      model: this.model,
      tokens: this.ids.length,
      bucket: this.bucket,
      batchSize: this.batchSize,
      batch: this.batch,
      queueMs: Math.max(0, left - this.arrivedAt - this.tokenizeMs),
      tokenizeMs: this.tokenizeMs,
      inferMs: this.inferMs,
      gpuUs: this.gpuUs,
      totalMs: now - this.arrivedAt,
    };
  }
}
