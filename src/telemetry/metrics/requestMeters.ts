import type { RequestRow } from '../row.js';
import { Distribution } from './distribution.js';

/** Requests that came in one dialect. */
interface DialectMeters {
  /** How many ended how: `answered`, `out_of_scope`, or an error's code. */
  readonly outcomes: Map<string, number>;
  /** From arrival to answer, of the answered ones. */
  readonly duration: Distribution;
}

/** Intents beyond so many share one name: a bundle loaded over and over must not grow a time series each time. */
const mostIntents = 2000;
const otherIntents = 'other';

/** What requests did and took since the start, for counters that only grow. Never a text, an id or a sender. */
export class RequestMeters {
  readonly dialects = new Map<string, DialectMeters>();
  readonly stages = {
    queue: new Distribution(),
    tokenize: new Distribution(),
    infer: new Distribution(),
  } as const;
  /** By model, then by intent. */
  readonly intents = new Map<string, Map<string, number>>();
  tokens = 0;
  /** Requests whose energy was measured. */
  measured = 0;
  #intentCount = 0;

  note(row: RequestRow): void {
    const { outcomes, duration } = this.#dialect(row.dialect);
    const outcome = row.error ?? (row.outOfScope ? 'out_of_scope' : 'answered');
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    this.tokens += row.tokens;
    if (row.energyMj !== null) this.measured += 1;
    if (row.error !== null) return;
    duration.observe(row.totalUs);
    this.stages.queue.observe(row.queueUs);
    this.stages.tokenize.observe(row.tokenizeUs);
    this.stages.infer.observe(row.inferUs);
    if (row.model !== null && row.intent !== null) this.#noteIntent(row.model, row.intent);
  }

  #dialect(name: string): DialectMeters {
    let meters = this.dialects.get(name);
    if (meters === undefined) {
      meters = { outcomes: new Map(), duration: new Distribution() };
      this.dialects.set(name, meters);
    }
    return meters;
  }

  #noteIntent(model: string, intent: string): void {
    let intents = this.intents.get(model);
    if (intents === undefined) {
      intents = new Map();
      this.intents.set(model, intents);
    }
    const name = intents.has(intent) || this.#intentCount < mostIntents ? intent : otherIntents;
    if (!intents.has(name)) this.#intentCount += 1;
    intents.set(name, (intents.get(name) ?? 0) + 1);
  }
}
