interface Slice<T> {
  /** When its first and its last key expire. */
  readonly from: number;
  until: number;
  readonly values: Map<string, T>;
}

const slices = 4;

/**
 * What belongs to a request, by the key that tells its repeats, for as long as a repeat may ask. Keys are
 * forgotten a slice of time at once, and the oldest slice earlier where there are too many.
 */
export class RecentKeys<T> {
  readonly #sliceMs: number;
  readonly #limit: number;
  readonly #perSlice: number;
  #slices: Slice<T>[] = [];
  #size = 0;

  /** @param keptMs how long a key is kept */
  constructor(keptMs: number, limit: number) {
    this.#sliceMs = keptMs / slices;
    this.#limit = limit;
    this.#perSlice = Math.ceil(limit / slices);
  }

  get size(): number {
    return this.#size;
  }

  set(key: string, value: T, expires: number): void {
    let slice = this.#slices.at(-1);
    if (slice === undefined || this.#isOver(slice, expires)) {
      slice = { from: expires, until: expires, values: new Map() };
      this.#slices.push(slice);
    }
    slice.values.set(key, value);
    slice.until = Math.max(slice.until, expires);
    this.#size += 1;
    if (this.#size > this.#limit && this.#slices.length > 1) this.#dropOldest();
  }

  get(key: string): T | undefined {
    for (let at = this.#slices.length - 1; at >= 0; at--) {
      const value = this.#slices[at]!.values.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Forgets what expired. */
  expire(now: number): void {
    while (this.#slices.length > 0 && this.#slices[0]!.until <= now) this.#dropOldest();
  }

  /** Keys of one moment stay together. */
  #isOver({ from, until, values }: Slice<T>, expires: number): boolean {
    return expires >= from + this.#sliceMs || (values.size >= this.#perSlice && expires > until);
  }

  #dropOldest(): void {
    this.#size -= this.#slices.shift()!.values.size;
  }
}
