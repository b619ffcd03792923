const horizonMs = 60_000;
const enoughMs = 1000;
/** Clocks stay high for a while after the last work. */
const afterglowMs = 500;

/** The power that is drawn while nothing runs: a mean over the last minute or so of idle time. */
export class IdleFloor {
  #powerMw = 0;
  #seenMs = 0;

  /** In mW; `undefined` until a second of idle time was seen. */
  get powerMw(): number | undefined {
    return this.#seenMs < enoughMs ? undefined : this.#powerMw;
  }

  /**
   * Learns from a time in which nothing ran.
   *
   * @param idleSinceMs how long nothing had run before it began
   */
  note(energyMj: number, durationMs: number, idleSinceMs: number): void {
    if (idleSinceMs < afterglowMs || durationMs <= 0) return;
    this.#seenMs = Math.min(horizonMs, this.#seenMs + durationMs);
    const powerMw = (energyMj / durationMs) * 1000;
    this.#powerMw += (powerMw - this.#powerMw) * Math.min(1, durationMs / this.#seenMs);
  }
}
