import type { RequestRow } from '../row.js';

const minutes = 60;
const minuteMs = 60_000;
const outOfScope = Symbol('out of scope');

type Name = string | typeof outOfScope;

/** How often an intent was the answer. */
export interface IntentCount {
  readonly intent: string;
  readonly count: number;
}

/** Answers of one minute, as the database counts them; `intent` is `null` where they were out of scope. */
export interface MinuteCount {
  readonly minute: number;
  readonly intent: string | null;
  readonly count: number;
}

/** Which intents were answered within the last hour, to the minute. */
export class IntentsOfHour {
  readonly #minutes = new Map<number, Map<Name, number>>();
  readonly #totals = new Map<Name, number>();

  note({ time, intent, error }: Pick<RequestRow, 'time' | 'intent' | 'error'>): void {
    if (error === null) this.add({ minute: Math.floor(time / minuteMs), intent, count: 1 });
  }

  add({ minute, intent, count }: MinuteCount): void {
    const name = intent ?? outOfScope;
    let counts = this.#minutes.get(minute);
    if (counts === undefined) {
      // With each new minute, since nobody may ever look.
      this.#forget(minute - minutes);
      counts = new Map();
      this.#minutes.set(minute, counts);
    }
    counts.set(name, (counts.get(name) ?? 0) + count);
    this.#totals.set(name, (this.#totals.get(name) ?? 0) + count);
  }

  /**
   * The most frequent intents first, the answered requests, and how many of these were out of scope.
   *
   * @param now milliseconds since 1970
   */
  figures(now: number, most: number): { intents: IntentCount[]; answered: number; outOfScope: number } {
    this.#forget(Math.floor(now / minuteMs) - minutes);
    const named = [...this.#totals].flatMap(([intent, count]) =>
      intent === outOfScope ? [] : [{ intent, count }],
    );
    const unknown = this.#totals.get(outOfScope) ?? 0;
    return {
      intents: named.sort((a, b) => b.count - a.count || a.intent.localeCompare(b.intent)).slice(0, most),
      answered: named.reduce((sum, { count }) => sum + count, unknown),
      outOfScope: unknown,
    };
  }

  #forget(until: number): void {
    for (const [minute, counts] of this.#minutes) {
      if (minute > until) continue;
      this.#minutes.delete(minute);
      for (const [name, count] of counts) {
        const left = this.#totals.get(name)! - count;
        if (left > 0) this.#totals.set(name, left);
        else this.#totals.delete(name);
      }
    }
  }
}
