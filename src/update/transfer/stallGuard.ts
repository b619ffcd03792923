/**
 * Ends what is too slow: in every window at least so many bytes have to come, so that neither silence nor a
 * server that sends a byte now and then holds a connection for longer (TUF, 1.5.2: slow retrieval).
 */
export class StallGuard {
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #busy = 0;

  constructor(
    { windowMs, leastBytes }: { readonly windowMs: number; readonly leastBytes: number },
    onStall: () => void,
  ) {
    this.#timer = setInterval(() => {
      if (this.#busy === 0 && this.#bytes < leastBytes) onStall();
      this.#bytes = 0;
    }, windowMs);
  }

  /** Bytes that came. */
  got(bytes: number): void {
    this.#bytes += bytes;
  }

  /** What this side takes its time for is not held against the other. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await work;
    } finally {
      this.#busy--;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
