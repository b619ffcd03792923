import type { Outcome } from './loadClient.js';

/** Percentiles of some times, in milliseconds; `null` of none. */
export interface Percentiles {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** What came of many requests. */
export class Tally {
  readonly roundTripsMs: number[] = [];
  /** The engine's part, as the answers tell it. */
  readonly inferMs: number[] = [];
  readonly refusalsMs: number[] = [];
  readonly codes = new Map<string, number>();
  model: string | undefined;
  sent = 0;
  /** Requests that nothing came back for. */
  silent = 0;
  /** Requests answered, not refused, in a second while requests were sent. */
  perSecond = 0;

  note({ roundTripMs, reply }: Outcome): void {
    if ('error' in reply) {
      this.refusalsMs.push(roundTripMs);
      this.codes.set(reply.error.code, (this.codes.get(reply.error.code) ?? 0) + 1);
      return;
    }
    this.roundTripsMs.push(roundTripMs);
    this.inferMs.push(reply.latencyMs.infer);
    this.model = `${reply.model.id} ${reply.model.version}`;
  }

  get answered(): number {
    return this.roundTripsMs.length;
  }

  get refused(): number {
    return this.refusalsMs.length;
  }
}

/** Each the smallest time that so many percent do not exceed. */
export function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = Float64Array.from(times).sort();
  const at = (percent: number): number | null =>
    sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null;
  return { p50Ms: at(50), p99Ms: at(99), maxMs: at(100) };
}
