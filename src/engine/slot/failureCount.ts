import type { Clock } from '../../base/index.js';

const failuresThatMatter = 3;
const windowMs = 5 * 60_000;

/** The failures of one kind of engine within the last five minutes. */
export class FailureCount {
  readonly #clock: Clock;
  #times: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(): void {
    this.#times = [...this.#recent(), this.#clock.now()];
  }

  /** Three or more. */
  get tooMany(): boolean {
    return this.#recent().length >= failuresThatMatter;
  }

  get none(): boolean {
    return this.#recent().length === 0;
  }

  #recent(): number[] {
    const now = this.#clock.now();
    return this.#times.filter((at) => now - at < windowMs);
  }
}
