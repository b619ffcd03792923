/** What a meter said of the time between two of its samples. */
export interface Interval {
  /** Readings of the monotonic clock, in milliseconds. */
  readonly from: number;
  readonly to: number;
  /** `null` where the samples do not tell. */
  readonly energyMj: number | null;
}

interface Reading {
  readonly at: number;
  readonly unit: 'mW' | 'mJ';
  readonly total: number;
}

/**
 * Makes intervals of samples. A power stands for the time before it: monitors average over conversions that
 * lie before the reading. Between two counters it is their difference.
 */
export class Intervals {
  readonly #maxGapMs: number;
  #last: Reading | undefined;
  #lost = false;

  /** @param maxGapMs samples further apart tell nothing of the time between them */
  constructor(maxGapMs: number) {
    this.#maxGapMs = maxGapMs;
  }

  /** The time since the last sample; `undefined` for the first, and for one that is no later than the last. */
  next(sample: Reading): Interval | undefined {
    const last = this.#last;
    const lost = this.#lost;
    if (last !== undefined && sample.at <= last.at) return undefined;
    this.#last = { at: sample.at, unit: sample.unit, total: sample.total };
    this.#lost = false;
    if (last === undefined) return undefined;
    const spanMs = sample.at - last.at;
    const energy = lost || spanMs > this.#maxGapMs ? null : energyBetween(last, sample);
    return { from: last.at, to: sample.at, energyMj: energy };
  }

  /** The samples since the last one are missing or wrong: nothing is known of the time until the next. */
  lose(): void {
    this.#lost = true;
  }
}

function energyBetween(last: Reading, sample: Reading): number | null {
  if (sample.unit === 'mW') return (sample.total * (sample.at - last.at)) / 1000;
  // A counter that goes back has begun anew.
  return sample.total >= last.total ? sample.total - last.total : null;
}
