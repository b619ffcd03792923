/**
 * How late the event loop does what is due, from something that is due every `everyMs`: as long may a message
 * have waited unread. Bad news counts at once and fades.
 */
export class Lateness {
  readonly #everyMs: number;
  #lastAt = 0;
  #ms = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** In milliseconds. */
  get ms(): number {
    return this.#ms;
  }

  /** Begins to count from `now`. */
  begin(now: number): void {
    this.#lastAt = now;
  }

  /** Notes that what is due again and again was done. */
  note(now: number): void {
    const late = Math.max(0, now - this.#lastAt - this.#everyMs);
    this.#ms = Math.max(late, 0.8 * this.#ms);
    this.#lastAt = now;
  }
}
