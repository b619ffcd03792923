/** Figures of the requests since the last ones were taken. */
export interface RecentFigures {
  /** Requests a second, answered or not. */
  readonly ratePerSecond: number;
  readonly errors: number;
  /** Latencies of the answered ones; `null` where none was. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  /** Mean of the measured ones; `null` where none was. */
  readonly energyMj: number | null;
}

const mostKept = 20_000;

/** Gathers what requests took, for figures of the last few seconds. */
export class RecentRequests {
  #totalsMs: number[] = [];
  #count = 0;
  #errors = 0;
  #energies: number[] = [];
  #since: number;

  /** @param now reading of the monotonic clock, in milliseconds */
  constructor(now: number) {
    this.#since = now;
  }

  note(request: {
    readonly totalUs: number;
    readonly energyMj: number | null;
    readonly error: string | null;
  }): void {
    this.#count += 1;
    if (request.error !== null) this.#errors += 1;
    else if (this.#totalsMs.length < mostKept) this.#totalsMs.push(request.totalUs / 1000);
    if (request.energyMj !== null && this.#energies.length < mostKept) this.#energies.push(request.energyMj);
  }

  /** The figures since the last call, which begin anew with it. */
  take(now: number): RecentFigures {
    const sorted = Float64Array.from(this.#totalsMs).sort();
    const seconds = Math.max(0.001, (now - this.#since) / 1000);
    const sum = this.#energies.reduce((total, energy) => total + energy, 0);
    const figures = {
      ratePerSecond: Math.round((this.#count / seconds) * 10) / 10,
      errors: this.#errors,
      p50Ms: percentile(sorted, 50),
      p95Ms: percentile(sorted, 95),
      p99Ms: percentile(sorted, 99),
      energyMj: this.#energies.length === 0 ? null : sum / this.#energies.length,
    };
    this.#totalsMs = [];
    this.#energies = [];
    this.#count = 0;
    this.#errors = 0;
    this.#since = now;
    return figures;
  }
}

/** The smallest value that `percent` of them do not exceed. */
function percentile(sorted: Float64Array, percent: number): number | null {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null;
}
