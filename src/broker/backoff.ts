/** How long to wait before the next try: full jitter, from 1 s doubling to 60 s. */
export class Backoff {
  #failures = 0;
  readonly #random: () => number;

  /** @param random gives numbers from 0 to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Milliseconds until the next try, after one more failure. */
  next(): number {
    const ceiling = Math.min(60_000, 1000 * 2 ** Math.min(this.#failures, 6));
    this.#failures += 1;
    return Math.max(50, Math.round(this.#random() * ceiling));
  }

  reset(): void {
    this.#failures = 0;
  }
}
