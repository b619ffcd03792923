import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/index.js';

/** Keeps work to a share of the time: after each piece it waits for as long as the others are to have. */
export class Pacer {
  readonly #share: number;
  readonly #clock: Clock;

  /** @param share of the time, above 0 and up to 1 */
  constructor(share: number, clock: Clock) {
    this.#share = share;
    this.#clock = clock;
  }

  /**
   * Does a piece of work, and then waits.
   *
   * @throws what the work throws, or the signal's reason
   */
  async spend<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const began = this.#clock.now();
    const result = await work();
    await this.rest(this.#clock.now() - began, signal);
    return result;
  }

  /** Waits for what so many milliseconds of work leave to the others. */
  async rest(workedMs: number, signal: AbortSignal): Promise<void> {
    const pauseMs = workedMs * (1 / this.#share - 1);
    try {
      await sleep(pauseMs, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}
