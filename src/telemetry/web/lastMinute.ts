import { Histogram } from '../histogram.js';
import type { RequestRow } from '../row.js';

const slices = 12;
const sliceMs = 5000;

/** What the answered requests of the last minute took, and what the measured ones cost. */
export interface MinuteFigures {
  readonly answered: number;
  /** `null` where none was answered. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Mean; `null` where none was measured. */
  readonly energyMj: number | null;
}

interface Slice {
  readonly at: number;
  readonly latency: Histogram;
  measured: number;
  energyMj: number;
}

/** Quantiles over the last minute, moved on every five seconds: those of single seconds do not add up. */
export class LastMinute {
  #slices: Slice[] = [];

  /** @param now milliseconds of any clock that does not step back */
  note({ totalUs, energyMj, error }: Pick<RequestRow, 'totalUs' | 'energyMj' | 'error'>, now: number): void {
    const slice = this.#sliceAt(now);
    if (error === null) slice.latency.record(totalUs);
    if (energyMj === null) return;
    slice.measured += 1;
    slice.energyMj += energyMj;
  }

  figures(now: number): MinuteFigures {
    this.#forget(now);
    const all = new Histogram();
    for (const { latency } of this.#slices) all.merge(latency);
    const measured = this.#slices.reduce((sum, slice) => sum + slice.measured, 0);
    const energyMj = this.#slices.reduce((sum, slice) => sum + slice.energyMj, 0);
    const ms = (percent: number): number | null => {
      const us = all.percentile(percent);
      return us === null ? null : us / 1000;
    };
    return {
      answered: all.count,
      p50Ms: ms(50),
      p95Ms: ms(95),
      p99Ms: ms(99),
      energyMj: measured === 0 ? null : energyMj / measured,
    };
  }

  #sliceAt(now: number): Slice {
    const at = Math.floor(now / sliceMs);
    const last = this.#slices.at(-1);
    if (last !== undefined && last.at === at) return last;
    this.#forget(now);
    const slice: Slice = { at, latency: new Histogram(), measured: 0, energyMj: 0 };
    this.#slices.push(slice);
    return slice;
  }

  #forget(now: number): void {
    const oldest = Math.floor(now / sliceMs) - slices;
    while (this.#slices[0] !== undefined && this.#slices[0].at <= oldest) this.#slices.shift();
  }
}
