import type { Outcome } from '../../base/index.js';
import type { ServedModel, Trace } from '../../requests/index.js';
import { Sample } from './sample.js';

/** Failures that may be the engine's; what the sender did wrong, or an overload, is none. */
const engineFailures: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded']);
/** The latest requests that are looked at. */
const window = 2000;

type Request = { readonly ms: number; readonly outOfScope: boolean } | 'failed';

/** How models do with real requests lately. */
export class Conduct {
  readonly #models = new WeakMap<ServedModel, { readonly requests: Request[]; next: number; all: number }>();

  /** A request was answered or refused. */
  note(outcome: Outcome, { model, inferMs, batchSize }: Trace): void {
    if (model === undefined) return;
    if (outcome.ok) this.#add(model, { ms: inferMs / batchSize, outOfScope: outcome.answer.outOfScope });
    else if (engineFailures.has(outcome.error.code)) this.#add(model, 'failed');
  }

  /** The latest requests of a model. */
  of(model: ServedModel): Sample {
    const sample = new Sample();
    for (const request of this.#models.get(model)?.requests ?? []) {
      if (request === 'failed') sample.failed();
      else sample.answered(request.ms, request.outOfScope);
    }
    return sample;
  }

  /** Requests of a model since it serves. */
  countOf(model: ServedModel): number {
    return this.#models.get(model)?.all ?? 0;
  }

  #add(model: ServedModel, request: Request): void {
    const known = this.#models.get(model) ?? { requests: [], next: 0, all: 0 };
    this.#models.set(model, known);
    known.requests[known.next] = request;
    known.next = (known.next + 1) % window;
    known.all += 1;
  }
}
