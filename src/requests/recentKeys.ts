interface Slice {
  /** When its first and its last key expire. */
  readonly from: number;
  until: number;
  readonly groups: Map<string, number>;
}

const slices = 4;

/**
 * Which group holds the answer to a request, for as long as a repeat may ask. Keys are forgotten a slice
 * of time at once, and the oldest slice earlier where there are too many.
 */
export class RecentKeys {
  readonly #sliceMs: number;
  readonly #limit: number;
  #slices: Slice[] = [];
  #size = 0;

  /** @param keptMs how long a key is kept */
  constructor(keptMs: number, limit: number) {
    this.#sliceMs = keptMs / slices;
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  set(key: string, group: number, expires: number): void {
    let slice = this.#slices.at(-1);
    if (slice === undefined || expires >= slice.from + this.#sliceMs) {
      slice = { from: expires, until: expires, groups: new Map() };
      this.#slices.push(slice);
    }
    slice.groups.set(key, group);
    slice.until = Math.max(slice.until, expires);
    this.#size += 1;
    if (this.#size > this.#limit && this.#slices.length > 1) this.#dropOldest();
  }

  get(key: string): number | undefined {
    for (let at = this.#slices.length - 1; at >= 0; at--) {
      const group = this.#slices[at]!.groups.get(key);
      if (group !== undefined) return group;
    }
    return undefined;
  }

  /** Forgets what expired. */
  expire(now: number): void {
    while (this.#slices.length > 0 && this.#slices[0]!.until <= now) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#size -= this.#slices.shift()!.groups.size;
  }
}
