import { Histogram } from '../histogram.js';
import type { RequestRow } from '../row.js';

/** Sums over a group of requests; latencies in µs, of the answered ones. */
export class Group {
  count = 0;
  errors = 0;
  outOfScope = 0;
  tokens = 0;
  queueUs = 0;
  inferUs = 0;
  totalUs = 0;
  maxUs = 0;
  /** How many have an energy, and their sum. */
  measured = 0;
  energyMj = 0;
  measuredAbove = 0;
  /** Never clamped: single figures may be negative. */
  aboveIdleMj = 0;
  readonly latency = new Histogram();

  addRow(row: SummedRow): void {
    this.count += 1;
    this.tokens += row.tokens;
    if (row.energyMj !== null) {
      this.measured += 1;
      this.energyMj += row.energyMj;
    }
    if (row.aboveIdleMj !== null) {
      this.measuredAbove += 1;
      this.aboveIdleMj += row.aboveIdleMj;
    }
    if (row.error !== null) {
      this.errors += 1;
      return;
    }
    if (row.outOfScope) this.outOfScope += 1;
    this.queueUs += row.queueUs;
    this.inferUs += row.inferUs;
    this.totalUs += row.totalUs;
    this.maxUs = Math.max(this.maxUs, row.totalUs);
    this.latency.record(row.totalUs);
  }

  /** Adds all but the latencies. */
  addSums(added: Sums): void {
    for (const name of sums) this[name] += added[name];
    this.maxUs = Math.max(this.maxUs, added.maxUs);
  }

  addRollup(rollup: StoredRollup): void {
    this.addSums(rollup);
    this.latency.addEncoded(rollup.latency);
  }
}

/** What of a row goes into the sums. */
export type SummedRow = Pick<
  RequestRow,
  'tokens' | 'energyMj' | 'aboveIdleMj' | 'error' | 'queueUs' | 'inferUs' | 'totalUs'
> & { readonly outOfScope: boolean | number };

/** Columns of the table `rollup` that add up. */
export const sums = [
  'count',
  'errors',
  'outOfScope',
  'tokens',
  'queueUs',
  'inferUs',
  'totalUs',
  'measured',
  'energyMj',
  'measuredAbove',
  'aboveIdleMj',
] as const;

/** Sums over some requests, and the longest latency among them. */
export type Sums = Readonly<Record<(typeof sums)[number] | 'maxUs', number>>;

export type StoredRollup = Sums & { readonly latency: Uint8Array };
