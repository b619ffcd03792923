import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, type Logger } from '../../base/index.js';
import type { Launch } from './activeWorker.js';
import type { SlotHealth } from './health.js';
import { RetryTimer } from './retryTimer.js';

export interface ComebackOptions {
  /** First pause before an engine that kept failing is tried again, in ms. */
  readonly retryMs: number;
  /** Errors after which the engine is not tried again. */
  readonly isFinal: (error: unknown) => boolean;
  /** Starts a worker of the engine and lets it serve. */
  readonly serve: (preferred: Launch, signal: AbortSignal) => Promise<void>;
  /** It does not come for now: it failed too often, or for good. */
  readonly onGivenUp: (isFinal: boolean) => void;
}

const longestPauseMs = 5000;

/**
 * The way of a preferred engine to where it serves, whatever serves meanwhile: tried at once, again after failures,
 * and after pauses that grow once it failed too often.
 */
export class Comeback {
  readonly #options: ComebackOptions;
  readonly #health: SlotHealth;
  readonly #log: Logger;
  readonly #retry: RetryTimer;
  #run: AbortController | undefined;

  constructor(options: ComebackOptions, health: SlotHealth, log: Logger) {
    this.#options = options;
    this.#health = health;
    this.#log = log;
    this.#retry = new RetryTimer(options.retryMs);
  }

  /** Whether a worker is being started, or waits for its turn to serve. */
  get isUnderWay(): boolean {
    return this.#run !== undefined;
  }

  /** Tries the engine; where it failed too often lately, after a pause. One that is tried already is not tried twice. */
  begin(preferred: Launch): void {
    if (this.#run !== undefined) return;
    if (this.#health.avoidsPreferred) this.#later(preferred);
    else this.#try(preferred);
  }

  /** Ends what is being started, and tries nothing any more. */
  cancel(): void {
    this.#retry.cancel();
    this.#run?.abort();
    this.#run = undefined;
  }

  /** The next pause is the first again. */
  reset(): void {
    this.#retry.reset();
  }

  #try(preferred: Launch): void {
    this.#retry.cancel();
    const run = new AbortController();
    this.#run = run;
    void this.#attempts(preferred, run.signal).then((end) => {
      if (this.#run !== run) return;
      this.#run = undefined;
      if (end === 'serves') return;
      if (end === 'failing') this.#later(preferred);
      this.#options.onGivenUp(end === 'final');
    });
  }

  async #attempts(preferred: Launch, signal: AbortSignal): Promise<'serves' | 'failing' | 'final'> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#options.serve(preferred, signal);
        return 'serves';
      } catch (error) {
        if (signal.aborted || this.#options.isFinal(error)) return 'final';
        this.#log.error({ reason: messageOf(error) }, 'the next engine worker did not start');
        this.#health.noteFailure(true);
      }
      if (this.#health.avoidsPreferred) return 'failing';
      await sleep(Math.min(longestPauseMs, 100 * 2 ** attempt));
    }
  }

  #later(preferred: Launch): void {
    if (this.#retry.isScheduled) return;
    const pauseMs = this.#retry.schedule(() => {
      this.#try(preferred);
    });
    this.#log.warn({ pauseMs }, 'the preferred engine keeps failing; another serves until it is tried again');
  }
}
