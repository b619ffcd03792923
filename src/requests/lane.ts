import {
  IntentdError,
  messageOf,
  refused,
  type Answer,
  type Clock,
  type Logger,
  type Outcome,
} from '../base/index.js';
import { decide } from '../decision/index.js';
import type { Inference } from '../engine/index.js';
import { padTokens } from '../model/index.js';
import type { BatchObserver } from './batchObserver.js';
import { FairQueue } from './fairQueue.js';
import { Lateness } from './lateness.js';
import type { ServedModel } from './model.js';
import { Pace } from './pace.js';
import { late, type Pending } from './pending.js';

export interface LaneOptions {
  readonly queue: number;
  readonly maxBatch: number;
  /** Takes over a request whose model does not serve any more; says whether it did. */
  readonly takeOver: (pending: Pending) => boolean;
}

const sweepMs = 5;
/** A batch that takes longer keeps others waiting for more than it gains. */
const longestBatchMs = 20;

/** Room in the estimate for what else the machine does: better refused at once than answered too late. */
const safety = 1.5;

/**
 * The requests of one engine: they wait in a fair queue and go out in batches of one head and one
 * length, one batch at a time, as soon as the engine is free.
 */
export class Lane {
  readonly #queue: FairQueue<Pending>;
  readonly #maxBatch: number;
  readonly #takeOver: LaneOptions['takeOver'];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #observer: BatchObserver;
  readonly #pace = new Pace();
  readonly #lateness = new Lateness(sweepMs);
  #underway: readonly Pending[] = [];
  #busy = false;
  #kicked = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: LaneOptions, clock: Clock, log: Logger, observer: BatchObserver) {
    this.#queue = new FairQueue(options.queue);
    this.#maxBatch = options.maxBatch;
    this.#takeOver = options.takeOver;
    this.#clock = clock;
    this.#log = log;
    this.#observer = observer;
  }

  /** Requests that wait or run. */
  get load(): number {
    return this.#queue.size + this.#underway.length;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Whether a request that came now could be answered by `deadline`. */
  canServe(deadline: number): boolean {
    const { load } = this;
    if (load === 0) return true;
    // What waits unread in a socket waits for as long as the loop is late.
    const expectedMs = safety * this.#pace.estimate(load) + this.#lateness.ms;
    return this.#clock.now() + expectedMs <= deadline;
  }

  /** Takes the request; where the queue is full, that or another is answered `overloaded` at once. */
  submit(pending: Pending): void {
    const now = this.#clock.now();
    const offer = this.#queue.offer(pending);
    const refusedOne = offer.taken ? offer.evicted : pending;
    refusedOne?.settle(refused('overloaded', 'The queue is full.'), now);
    if (this.#sweeper === undefined) this.#beginSweeping(now);
    this.#kick();
  }

  /** Removes what waits for a model. */
  withdraw(model: ServedModel): Pending[] {
    return this.#queue.withdraw((pending) => pending.model === model);
  }

  /** Answers everything that is left with `unavailable`. */
  abandon(): void {
    const now = this.#clock.now();
    for (const pending of [...this.#queue.clear(), ...this.#underway]) {
      pending.settle(refused('unavailable', 'The agent is stopping.'), now);
    }
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** After the messages of this turn of the event loop were taken: what came together goes together. */
  #kick(): void {
    if (this.#kicked || this.#busy) return;
    this.#kicked = true;
    setImmediate(() => {
      this.#kicked = false;
      if (!this.#busy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (;;) {
      this.#sweep();
      const batch = this.#nextBatch();
      if (batch.length === 0) break;
      this.#underway = batch;
      await this.#infer(batch);
      this.#underway = [];
    }
    this.#busy = false;
  }

  /** Those that would be late are refused before the engine works for them. */
  #nextBatch(): Pending[] {
    const batch = this.#queue.take(this.#pace.sizeWithin(longestBatchMs, this.#maxBatch));
    const now = this.#clock.now();
    const doneAt = now + this.#pace.estimateBatch(batch.length);
    const inTime = batch.filter(({ deadline }) => deadline >= doneAt);
    // One is tried in any case: the estimate may be of a bad moment.
    if (inTime.length === 0) inTime.push(...batch.slice(0, 1));
    for (const pending of batch) if (!inTime.includes(pending)) pending.settle(late, now);
    return inTime;
  }

  async #infer(batch: readonly Pending[]): Promise<void> {
    const { engine, head } = batch[0]!.model;
    const sentAt = this.#clock.now();
    const tokens = batch.reduce((sum, { ids }) => sum + ids.length, 0);
    const observed = this.#observer.began(tokens, batch.length);
    for (const pending of batch) {
      pending.sentAt = sentAt;
      pending.batch = observed;
      pending.batchSize = batch.length;
    }
    let inference: Inference;
    try {
      inference = await engine.infer(padTokens(batch), head);
    } catch (error) {
      this.#log.warn({ size: batch.length, reason: messageOf(error) }, 'a batch failed');
      const outcome = refused('unavailable', 'The engine failed; a new one is being started.');
      for (const pending of batch) {
        if (!pending.settled && !this.#takeOver(pending)) pending.settle(outcome, this.#clock.now());
      }
      return;
    } finally {
      this.#observer.ended(observed);
    }
    const inferMs = this.#clock.now() - sentAt;
    this.#pace.note(batch.length, inferMs);
    this.#sweep();
    batch.forEach((pending, row) => {
      pending.inferMs = inferMs;
      if (pending.settled) return;
      pending.settle(this.#conclude(pending, inference, row, batch.length), this.#clock.now());
    });
  }

  #conclude(pending: Pending, inference: Inference, row: number, size: number): Outcome {
    const { intentFilter, topK } = pending.utterance;
    try {
      const decision = decide(
        {
          logits: rowOf(inference.logits, row, size),
          embedding: rowOf(inference.embeddings, row, size),
        },
        pending.model.rules,
        {
          ...(intentFilter === undefined ? {} : { intentFilter }),
          ...(topK === undefined ? {} : { topK }),
        },
      );
      return { ok: true, answer: this.#answerOf(pending, decision) };
    } catch (error) {
      if (!(error instanceof IntentdError)) throw error;
      if (error.code === 'bad_request') return refused('bad_request', error.message);
      this.#log.error({ reason: error.message }, 'the engine gave an output that cannot be used');
      return refused('unavailable', 'The engine gave an output that cannot be used.');
    }
  }

  #answerOf(
    pending: Pending,
    decision: Pick<Answer, 'intent' | 'confidence' | 'outOfScope' | 'alternatives'>,
  ): Answer {
    const trace = pending.trace(this.#clock.now());
    const energyMj = this.#estimateMj(pending);
    return {
      intent: decision.intent,
      confidence: rounded(decision.confidence, 6),
      outOfScope: decision.outOfScope,
      alternatives: decision.alternatives.map(({ intent, confidence }) => ({
        intent,
        confidence: rounded(confidence, 6),
      })),
      model: { id: pending.model.id, version: pending.model.version },
      latencyMs: {
        queue: rounded(trace.queueMs, 3),
        tokenize: rounded(trace.tokenizeMs, 3),
        infer: rounded(trace.inferMs, 3),
        total: rounded(trace.totalMs, 3),
      },
      energyMj,
      energyEstimated: energyMj !== null,
      truncated: pending.truncated,
    };
  }

  #estimateMj({ batch, ids }: Pending): number | null {
    const energyMj = batch === undefined ? null : this.#observer.estimateMj(batch, ids.length);
    return energyMj === null ? null : rounded(energyMj, 3);
  }

  #beginSweeping(now: number): void {
    this.#lateness.begin(now);
    this.#sweeper = setInterval(() => {
      this.#lateness.note(this.#clock.now());
      this.#sweep();
    }, sweepMs);
  }

  /** Answers what would be late, waiting or running: its result is thrown away. */
  #sweep(): void {
    const now = this.#clock.now();
    for (const pending of this.#queue.expire(now)) pending.settle(late, now);
    for (const pending of this.#underway) {
      if (!pending.settled && pending.deadline <= now) pending.settle(late, now);
    }
    if (this.load === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }
}

function rowOf(matrix: Float32Array, row: number, rows: number): Float32Array {
  const width = matrix.length / rows;
  return matrix.subarray(row * width, (row + 1) * width);
}

function rounded(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
