import { createHash } from 'node:crypto';
import type { Answer, Clock, Outcome, Utterance } from '../base/index.js';
import type { Request } from '../broker/index.js';
import type { Deliveries, ObservedBatch, Publish, Requests, Trace } from '../requests/index.js';
import { unmeasured, type RequestRow } from '../telemetry/index.js';

export interface AnsweringParts {
  readonly requests: Requests;
  readonly deliveries: Deliveries;
  readonly publish: Publish;
  /** Keeps a row; its energy is that of its batch, when it is known. */
  readonly record: (row: RequestRow, batch?: ObservedBatch) => void;
  /** Told of every request that was answered or refused, when its answer is out. */
  readonly observed: (request: Request['utterance'], outcome: Outcome, trace: Trace) => void;
  /** Called for every request that was inferred, once. */
  readonly inferred: (answer: Answer) => void;
  readonly keepText: 'none' | 'hash' | 'full';
  readonly clock: Clock;
}

/** A request that a row is kept of, and how it came: a dialect over the broker, or another way in. */
interface Noted {
  readonly utterance: Utterance;
  readonly dialect: string;
}

/** What was done with requests since the start. */
export interface AnsweringCounters {
  readonly answered: number;
  readonly failed: number;
  readonly repeated: number;
}

/** The way of one request: known already, or inferred; answered; and a row in the log. */
export class Answering {
  readonly #parts: AnsweringParts;
  readonly #counts = { answered: 0, failed: 0, repeated: 0 };

  constructor(parts: AnsweringParts) {
    this.#parts = parts;
  }

  get counters(): AnsweringCounters {
    return { ...this.#counts };
  }

  take(request: Request): void {
    const { deliveries, requests, publish } = this.#parts;
    const standing = deliveries.begin(request.repeatKey);
    if (standing !== 'new') {
      this.#counts.repeated += 1;
      if (standing !== 'underway') for (const message of standing) publish(message);
      return;
    }
    requests.submit(request.utterance, request.sender, (outcome, trace) => {
      const messages = request.encode(outcome);
      if (outcome.ok) deliveries.answer(request.repeatKey, messages);
      else deliveries.refuse(request.repeatKey, messages);
      this.#note(request, outcome, trace);
      this.#parts.observed(request.utterance, outcome, trace);
    });
  }

  /**
   * Answers an utterance that came another way than over the broker, and whose repeats are new requests.
   *
   * @param way how it came: stands in its row in place of a dialect, and is its sender for fairness
   */
  ask(utterance: Utterance, way: string): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#parts.requests.submit(utterance, way, (outcome, trace) => {
        resolve(outcome);
        this.#note({ utterance, dialect: way }, outcome, trace);
      });
    });
  }

  /** Logs a message that was refused before it became a request. */
  refused(dialect: string, code: string): void {
    this.#counts.failed += 1;
    const times = { queueMs: 0, tokenizeMs: 0, inferMs: 0, gpuUs: null, totalMs: 0 };
    const trace = { model: undefined, tokens: 0, bucket: null, batchSize: 0, ...times };
    this.#parts.record(this.#rowOf('', dialect, trace, { error: code, text: null }));
  }

  #note(request: Noted, outcome: Outcome, trace: Trace): void {
    this.#counts[outcome.ok ? 'answered' : 'failed'] += 1;
    if (outcome.ok) this.#parts.inferred(outcome.answer);
    const { id, text } = request.utterance;
    this.#parts.record(
      this.#rowOf(id, request.dialect, trace, {
        answer: outcome.ok ? outcome.answer : undefined,
        error: outcome.ok ? null : outcome.error.code,
        text: this.#keptText(text),
      }),
      trace.batch,
    );
  }

  #rowOf(
    requestId: string,
    dialect: string,
    trace: Trace,
    { answer, error, text }: { answer?: Answer | undefined; error: string | null; text: string | null },
  ): RequestRow {
    return {
      time: this.#parts.clock.wall(),
      requestId,
      dialect,
      model: trace.model?.id ?? null,
      version: trace.model?.version ?? null,
      engine: trace.model?.engine.info.kind ?? null,
      intent: answer?.intent ?? null,
      confidence: answer?.confidence ?? null,
      outOfScope: answer?.outOfScope ?? false,
      tokens: trace.tokens,
      bucket: trace.bucket,
      batchSize: trace.batchSize,
      queueUs: microseconds(trace.queueMs),
      tokenizeUs: microseconds(trace.tokenizeMs),
      inferUs: microseconds(trace.inferMs),
      gpuUs: trace.gpuUs === null ? null : Math.round(trace.gpuUs),
      totalUs: microseconds(trace.totalMs),
      ...unmeasured,
      error,
      text,
    };
  }

  #keptText(text: string): string | null {
    if (this.#parts.keepText === 'none') return null;
    if (this.#parts.keepText === 'full') return text;
    return createHash('sha256').update(text).digest('hex').slice(0, 16);
  }
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000);
}
