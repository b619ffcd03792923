import type { Sample } from './meter/index.js';
import type { PowerSecond } from './store/notes.js';

interface Sum {
  energyMj: number;
  maxMw: number;
}

/** A second that is over, and all that the meter saw in it. */
export interface MeteredSecond extends PowerSecond {
  readonly totalMj: number;
}

/** Thins the samples of a meter to one figure a rail and second: its mean and highest power. */
export class PowerHistory {
  readonly #rails: readonly string[];
  readonly #wall: () => number;
  #last: Sample | undefined;
  #second = 0;
  #spanMs = 0;
  #sums: Sum[] = [];
  /** Of the last whole second, by rail, in mW. */
  #latest: ReadonlyMap<string, number> = new Map();

  /** @param wall milliseconds since 1970 */
  constructor(rails: readonly string[], wall: () => number) {
    this.#rails = [...rails, 'total'];
    this.#wall = wall;
  }

  get latestMw(): ReadonlyMap<string, number> {
    return this.#latest;
  }

  /** @returns the second that is over with this sample */
  add(sample: Sample): MeteredSecond | undefined {
    const last = this.#last;
    this.#last = sample;
    if (last === undefined) return undefined;
    const second = Math.floor(this.#wall() / 1000);
    const over = second === this.#second ? undefined : this.#take(second);
    this.#gather(last, sample);
    return over;
  }

  /** Nothing is known of the time until the next sample. */
  lose(): void {
    this.#last = undefined;
    this.#latest = new Map();
  }

  #gather(last: Sample, sample: Sample): void {
    const spanMs = sample.at - last.at;
    // A counter that goes back has begun anew.
    if (spanMs <= 0 || (sample.unit === 'mJ' && sample.total < last.total)) return;
    this.#spanMs += spanMs;
    const now = [...sample.rails, sample.total];
    const before = [...last.rails, last.total];
    now.forEach((value, rail) => {
      const powerMw = sample.unit === 'mW' ? value : ((value - before[rail]!) / spanMs) * 1000;
      const sum = (this.#sums[rail] ??= { energyMj: 0, maxMw: -Infinity });
      sum.energyMj += (powerMw * spanMs) / 1000;
      sum.maxMw = Math.max(sum.maxMw, powerMw);
    });
  }

  #take(next: number): MeteredSecond | undefined {
    const [sums, spanMs, second] = [this.#sums, this.#spanMs, this.#second];
    this.#sums = [];
    this.#spanMs = 0;
    this.#second = next;
    if (sums.length === 0) return undefined;
    const rails = sums.map(({ energyMj, maxMw }, rail) => ({
      rail: this.#rails[rail]!,
      meanMw: (energyMj / spanMs) * 1000,
      maxMw,
    }));
    this.#latest = new Map(rails.map(({ rail, meanMw }) => [rail, meanMw]));
    return { time: second * 1000, rails, totalMj: sums.at(-1)!.energyMj };
  }
}
