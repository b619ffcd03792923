/**
 * How fast an engine works, from what it did lately: a moving average of milliseconds an utterance and
 * of milliseconds a batch.
 */
export class Pace {
  #utteranceMs = 0;
  #batchMs = 0;

  /** Notes that a batch of `size` took `ms`. */
  note(size: number, ms: number): void {
    this.#utteranceMs = averaged(this.#utteranceMs, ms / size);
    this.#batchMs = averaged(this.#batchMs, ms);
  }

  /** Milliseconds that a batch of `size` will take; 0 before anything was measured. */
  estimateBatch(size: number): number {
    return size * this.#utteranceMs;
  }

  /** The largest batch, of 1 to `most`, that takes no longer than `ms`. */
  sizeWithin(ms: number, most: number): number {
    if (this.#utteranceMs === 0) return most;
    return Math.max(1, Math.min(most, Math.floor(ms / this.#utteranceMs)));
  }

  /** Milliseconds until a request behind `ahead` others will be done; 0 before anything was measured. */
  estimate(ahead: number): number {
    return ahead * this.#utteranceMs + this.#batchMs;
  }
}

/** Good news counts for more: one slow batch must not turn away requests for long. */
function averaged(average: number, value: number): number {
  if (average === 0) return value;
  return average + (value < average ? 0.3 : 0.1) * (value - average);
}
