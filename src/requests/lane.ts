import { messageOf, refused, type Clock, type Logger } from '../base/index.js';
import type { Inference } from '../engine/index.js';
import { padTokens } from '../model/index.js';
import type { BatchObserver, ObservedBatch } from './batchObserver.js';
import { conclude } from './conclude.js';
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

/** A batch that was handed to the engine. */
interface Flight {
  readonly batch: readonly Pending[];
  readonly tokens: number;
  readonly answered: Promise<Inference>;
  /** Known once the engine works on it: it does one after the other. */
  observed?: ObservedBatch;
}

const sweepMs = 5;
/** A batch that takes longer keeps others waiting for more than it gains. */
const longestBatchMs = 20;

/** Room in the estimate for what else the machine does: better refused at once than answered too late. */
const safety = 1.5;

/**
 * The requests of one engine: they wait in a fair queue and go out in batches of one head and one length, as
 * soon as the engine is free. A whole batch is handed over while the engine still works on the one before, so
 * that it never waits for us; what is no whole batch yet waits, for more may come.
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
  /** The one that the engine works on, and at most one behind it. */
  #flights: Flight[] = [];
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
    let load = this.#queue.size;
    for (const { batch } of this.#flights) load += batch.length;
    return load;
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
    const flying = this.#flights.flatMap(({ batch }) => batch);
    for (const pending of [...this.#queue.clear(), ...flying]) {
      pending.settle(refused('unavailable', 'The agent is stopping.'), now);
    }
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }

  /** After the messages of this turn of the event loop were taken: what came together goes together. */
  #kick(): void {
    if (this.#kicked || this.#flights.length > 1) return;
    this.#kicked = true;
    setImmediate(() => {
      this.#kicked = false;
      this.#handOver();
    });
  }

  #handOver(): void {
    if (this.#flights.length > 1 || this.#queue.size === 0) return;
    const most = this.#pace.sizeWithin(longestBatchMs, this.#maxBatch);
    // Where already one utterance takes long, the way to the engine is nothing to be saved.
    if (this.#flights.length === 1 && (most === 1 || this.#queue.size < most)) return;
    this.#sweep();
    const batch = this.#nextBatch(most);
    if (batch.length > 0) this.#launch(batch);
  }

  /** Those that would be late are refused before the engine works for them. */
  #nextBatch(most: number): Pending[] {
    const batch = this.#queue.take(most);
    const now = this.#clock.now();
    const ahead = this.#flights[0]?.batch.length ?? 0;
    const doneAt = now + this.#pace.estimateBatch(batch.length + ahead);
    const inTime = batch.filter(({ deadline }) => deadline >= doneAt);
    // One is tried in any case: the estimate may be of a bad moment.
    if (inTime.length === 0) inTime.push(...batch.slice(0, 1));
    for (const pending of batch) if (!inTime.includes(pending)) pending.settle(late, now);
    return inTime;
  }

  #launch(batch: readonly Pending[]): void {
    const { engine, head } = batch[0]!.model;
    let tokens = 0;
    for (const pending of batch) {
      tokens += pending.ids.length;
      pending.batchSize = batch.length;
    }
    const flight: Flight = { batch, tokens, answered: engine.infer(padTokens(batch), head) };
    this.#flights.push(flight);
    if (this.#flights.length === 1) this.#begin(flight);
    flight.answered.then(
      (inference) => {
        this.#land(flight, inference);
      },
      (error: unknown) => {
        this.#crash(flight, error);
      },
    );
  }

  /** The engine works on it from now on. */
  #begin(flight: Flight): void {
    const { batch, tokens } = flight;
    const now = this.#clock.now();
    flight.observed = this.#observer.began(tokens, batch.length);
    for (const pending of batch) {
      pending.sentAt = now;
      pending.batch = flight.observed;
    }
  }

  #land(flight: Flight, inference: Inference): void {
    const { batch } = flight;
    const inferMs = this.#clock.now() - this.#end(flight);
    this.#pace.note(batch.length, inferMs);
    // The engine first: it works while we conclude.
    this.#handOver();
    this.#sweep();
    batch.forEach((pending, row) => {
      pending.inferMs = inferMs;
      pending.gpuUs = inference.gpuUs ?? null;
      if (pending.settled) return;
      const energyMj = this.#observer.estimateMj(flight.observed!, pending.ids.length);
      const outcome = conclude(pending, inference, {
        row,
        now: this.#clock.now(),
        energyMj,
        log: this.#log,
      });
      pending.settle(outcome, this.#clock.now());
    });
    this.#handOver();
  }

  #crash(flight: Flight, error: unknown): void {
    const { batch } = flight;
    this.#log.warn({ size: batch.length, reason: messageOf(error) }, 'a batch failed');
    this.#end(flight);
    const outcome = refused('unavailable', 'The engine failed; a new one is being started.');
    for (const pending of batch) {
      if (!pending.settled && !this.#takeOver(pending)) pending.settle(outcome, this.#clock.now());
    }
    this.#handOver();
  }

  /** Makes room behind the engine. @returns when it began to work on the batch */
  #end(flight: Flight): number {
    this.#flights = this.#flights.filter((other) => other !== flight);
    // Answers may pass each other where a worker was replaced in between.
    if (flight.observed === undefined) this.#begin(flight);
    this.#observer.ended(flight.observed!);
    const next = this.#flights[0];
    if (next !== undefined && next.observed === undefined) this.#begin(next);
    return flight.batch[0]!.sentAt;
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
    for (const { batch } of this.#flights) {
      for (const pending of batch) if (!pending.settled && pending.deadline <= now) pending.settle(late, now);
    }
    if (this.load === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }
}
