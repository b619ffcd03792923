import type { Clock } from '../base/index.js';

export interface WatchdogOptions {
  /** Time between two feedings, in milliseconds. */
  readonly everyMs: number;
  readonly feed: () => void;
  /** Runs one real inference, and rejects where it fails. */
  readonly probe: () => Promise<void>;
}

/**
 * Feeds systemd's watchdog only while inferences succeed: those of requests, or a probe where there were
 * none. A daemon that runs and cannot answer is restarted.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #clock: Clock;
  #lastSuccess = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchdogOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Notes that an inference succeeded. */
  succeeded(): void {
    this.#lastSuccess = this.#clock.now();
  }

  start(): void {
    this.#timer = setInterval(() => {
      void this.#turn();
    }, this.#options.everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #turn(): Promise<void> {
    if (this.#clock.now() - this.#lastSuccess > this.#options.everyMs) {
      try {
        await this.#options.probe();
      } catch {
        // What failed is logged where it failed; here it only means that the watchdog stays unfed.
        return;
      }
      this.succeeded();
    }
    this.#options.feed();
  }
}
