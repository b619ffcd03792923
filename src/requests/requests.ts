import { refused, type Clock, type Logger, type Utterance } from '../base/index.js';
import { unobserved, type BatchObserver } from './batchObserver.js';
import { bucketOf } from './buckets.js';
import { Lane } from './lane.js';
import type { ServedModel, ServedModels } from './model.js';
import { Pending, type Done, type Trace } from './pending.js';

export interface RequestsOptions {
  /** Time to answer for a request that names no deadline, in milliseconds. */
  readonly deadlineMs: number;
  readonly maxDeadlineMs: number;
  readonly queue: number;
  readonly maxBatch: number;
}

const tooMany = refused('overloaded', 'More requests wait than can be answered by the deadline.');

/** Takes utterances and answers each exactly once, by its deadline: with an intent or with a reason. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #observer: BatchObserver;
  readonly #lanes = new Map<ServedModel['engine'], Lane>();
  readonly #open = new Map<ServedModel, number>();
  #models: ServedModels = { byId: new Map(), default: undefined };
  #stopping = false;

  constructor(options: RequestsOptions, clock: Clock, log: Logger, observer: BatchObserver = unobserved) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#observer = observer;
  }

  /** Requests that wait for an engine. */
  get waiting(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.waiting, 0);
  }

  /** Requests of an engine that wait or run. */
  loadOf(engine: ServedModel['engine']): number {
    return this.#lanes.get(engine)?.load ?? 0;
  }

  /** Requests of a model that are not answered yet. */
  openFor(model: ServedModel): number {
    return this.#open.get(model) ?? 0;
  }

  /** Replaces what requests are answered with; what is under way ends with what it began with. */
  serve(models: ServedModels): void {
    this.#models = models;
    const engines = new Set([...models.byId.values()].map((model) => model.engine));
    for (const engine of engines) {
      if (this.#lanes.has(engine)) continue;
      this.#lanes.set(engine, this.#newLane());
    }
    for (const [engine, lane] of this.#lanes) {
      if (!engines.has(engine) && lane.load === 0) this.#lanes.delete(engine);
    }
  }

  /** Gives what waits for a model to the one that serves under its name now. */
  reroute(model: ServedModel): void {
    for (const pending of this.#lanes.get(model.engine)?.withdraw(model) ?? []) {
      if (this.#takeOver(pending)) continue;
      pending.settle(refused('unavailable', 'The model is not loaded any more.'), this.#clock.now());
    }
  }

  /**
   * Answers `utterance` through `done`, by its deadline.
   *
   * @param sender who asks, for fairness
   */
  submit(utterance: Utterance, sender: string, done: Done): void {
    const arrivedAt = this.#clock.now();
    const refuse = (code: 'bad_request' | 'unavailable', message: string): void => {
      done(refused(code, message), emptyTrace(undefined, this.#clock.now() - arrivedAt));
    };
    if (this.#stopping) {
      refuse('unavailable', 'The agent is stopping.');
      return;
    }
    const model =
      utterance.model === undefined ? this.#models.default : this.#models.byId.get(utterance.model);
    if (model === undefined) {
      if (utterance.model === undefined) refuse('unavailable', 'No model is loaded yet.');
      else refuse('bad_request', `No model ${JSON.stringify(utterance.model)} is loaded.`);
      return;
    }
    const lane = this.#lanes.get(model.engine)!;
    const deadline = arrivedAt + timeToAnswer(this.#allowedMs(utterance));
    // Before anything is done for it: a refusal must cost little when there are many.
    if (!lane.canServe(deadline)) {
      done(tooMany, emptyTrace(model, this.#clock.now() - arrivedAt));
      return;
    }
    lane.submit(this.#pending(utterance, sender, model, arrivedAt, deadline, done));
  }

  /** Takes nothing more and waits until all is answered; after `withinMs` the rest is refused. */
  async drain(withinMs: number): Promise<void> {
    this.#stopping = true;
    const until = this.#clock.now() + withinMs;
    while (this.#load() > 0 && this.#clock.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const lane of this.#lanes.values()) lane.abandon();
  }

  #newLane(): Lane {
    const options = { ...this.#options, takeOver: (pending: Pending) => this.#takeOver(pending) };
    return new Lane(options, this.#clock, this.#log, this.#observer);
  }

  /** Its model does not serve any more: the one of that name answers, by the same deadline. */
  #takeOver(pending: Pending): boolean {
    const model = this.#models.byId.get(pending.model.id);
    if (model === undefined || model === pending.model) return false;
    const done = pending.handOver();
    if (done === undefined) return false;
    const { utterance, sender, arrivedAt, deadline } = pending;
    this.#lanes.get(model.engine)!.submit(this.#pending(utterance, sender, model, arrivedAt, deadline, done));
    return true;
  }

  #closed(model: ServedModel): void {
    const left = this.openFor(model) - 1;
    if (left > 0) this.#open.set(model, left);
    else this.#open.delete(model);
  }

  #load(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.load, 0);
  }

  #allowedMs({ deadlineMs }: Utterance): number {
    return Math.min(deadlineMs ?? this.#options.deadlineMs, this.#options.maxDeadlineMs);
  }

  #pending(
    utterance: Utterance,
    sender: string,
    model: ServedModel,
    arrivedAt: number,
    deadline: number,
    done: Done,
  ): Pending {
    const began = this.#clock.now();
    const { ids, truncated } = model.tokenizer.encode(utterance.text);
    const bucket = bucketOf(ids.length, model.tokenizer.positions);
    const tokenizeMs = this.#clock.now() - began;
    this.#open.set(model, this.openFor(model) + 1);
    const counted: Done = (outcome, trace) => {
      this.#closed(model);
      done(outcome, trace);
    };
    return new Pending(
      utterance,
      sender,
      model,
      ids,
      truncated,
      bucket,
      arrivedAt,
      tokenizeMs,
      deadline,
      counted,
    );
  }
}

/**
 * What is left of `allowedMs` when the way to and from the sender is set aside: a third, at most 40 ms. On a
 * machine whose processors are all busy, a message waits that long before it is read and after it is written.
 */
function timeToAnswer(allowedMs: number): number {
  return allowedMs - Math.min(40, allowedMs / 3);
}

function emptyTrace(model: ServedModel | undefined, totalMs: number): Trace {
  return {
    model,
    tokens: 0,
    bucket: null,
    batchSize: 0,
    batch: undefined,
    queueMs: 0,
    tokenizeMs: 0,
    inferMs: 0,
    gpuUs: null,
    totalMs,
  };
}
