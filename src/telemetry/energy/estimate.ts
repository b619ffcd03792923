const weight = 0.05;

/** What batches drew lately, for a figure that can go with the answer before the samples are in. */
export class BusyPower {
  readonly #bySize = new Map<number, number>();
  #latestMw: number | undefined;

  /** Learns from a batch that was measured. */
  note(size: number, energyMj: number, durationMs: number): void {
    if (durationMs <= 0) return;
    const measuredMw = (energyMj / durationMs) * 1000;
    const key = sizeClass(size);
    const known = this.#bySize.get(key) ?? measuredMw;
    this.#bySize.set(key, known + (measuredMw - known) * weight);
  }

  /** Learns what the meter says now: all there is until a first batch was measured. */
  sample(powerMw: number): void {
    this.#latestMw = powerMw;
  }

  /** Energy of a batch of so many requests that took so long, in mJ; `null` where nothing was measured. */
  estimate(size: number, durationMs: number): number | null {
    const powerMw = this.#bySize.get(sizeClass(size)) ?? this.#latestMw;
    return powerMw === undefined ? null : (powerMw * durationMs) / 1000;
  }
}

/** 1, 2, 3–4, 5–8, … */
function sizeClass(size: number): number {
  return Math.ceil(Math.log2(Math.max(1, size)));
}
