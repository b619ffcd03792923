/** Upper bounds of the buckets, in microseconds: from a GPU's fraction of a millisecond to the longest deadlines. */
const boundsUs = [
  250, 500, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
  2_500_000, 10_000_000,
] as const;

/** How often a time fell into which bucket since the start. */
export class Distribution {
  readonly #counts = new Float64Array(boundsUs.length);
  #sumUs = 0;
  #count = 0;

  observe(us: number): void {
    const bucket = boundsUs.findIndex((bound) => us <= bound);
    if (bucket >= 0) this.#counts[bucket]! += 1;
    this.#sumUs += us;
    this.#count += 1;
  }

  get count(): number {
    return this.#count;
  }

  get sumSeconds(): number {
    return this.#sumUs / 1e6;
  }

  /** How many took at most so long: bounds in seconds as Prometheus writes them, the last is `+Inf`. */
  get upTo(): readonly (readonly [le: string, count: number])[] {
    let seen = 0;
    const finite = boundsUs.map((bound, at): [string, number] => {
      seen += this.#counts[at]!;
      return [String(bound / 1e6), seen];
    });
    return [...finite, ['+Inf', this.#count]];
  }
}
