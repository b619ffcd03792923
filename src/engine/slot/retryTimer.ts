const longestMs = 30 * 60_000;

/** Runs something after a pause that doubles from one time to the next, up to half an hour. */
export class RetryTimer {
  readonly #firstMs: number;
  #times = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param firstMs the first pause, in milliseconds */
  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  get isScheduled(): boolean {
    return this.#timer !== undefined;
  }

  /** @returns the pause until `work` runs, in milliseconds */
  schedule(work: () => void): number {
    const pauseMs = Math.min(longestMs, this.#firstMs * 2 ** this.#times);
    this.#times += 1;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      work();
    }, pauseMs);
    return pauseMs;
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The next pause is the first again. */
  reset(): void {
    this.#times = 0;
  }
}
