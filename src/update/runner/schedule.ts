export interface ScheduleOptions {
  /** Between two checks. */
  readonly everyMs: number;
  /** Looks for updates; rejects, or gives `false`, where that failed. */
  readonly check: () => Promise<boolean>;
  /** Told why a check could not even be asked for. */
  readonly onRefused: (reason: unknown) => void;
  /** At least 0 and less than 1. */
  readonly random?: () => number;
}

const firstWithinMs = 5 * 60_000;
const retryMs = 60_000;
/** A timer of Node.js that is to wait for longer does not wait at all. */
const longestMs = 2 ** 31 - 1;

/**
 * When the next check is due, in milliseconds from now: spread out, so that a fleet that starts together does not ask
 * together. A failed check is repeated sooner, ever later.
 *
 * @param chance at least 0 and less than 1
 */
export function nextCheckMs(everyMs: number, last: 'none' | 'well' | number, chance: number): number {
  if (last === 'none') return Math.min(everyMs, firstWithinMs) * chance;
  if (last === 'well') return everyMs * (0.9 + 0.2 * chance);
  return Math.min(everyMs, retryMs * 2 ** Math.min(last, 10)) * (0.5 + 0.5 * chance);
}

/** Looks for updates again and again. */
export class Schedule {
  readonly #options: ScheduleOptions;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  start(): void {
    this.#plan('none');
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #plan(last: 'none' | 'well' | number): void {
    const { everyMs, random = Math.random } = this.#options;
    this.#wait(nextCheckMs(everyMs, last, random()));
  }

  #wait(ms: number): void {
    if (this.#stopped) return;
    const rest = ms - longestMs;
    const next = (): void => {
      if (rest > 0) this.#wait(rest);
      else void this.#check();
    };
    this.#timer = setTimeout(next, Math.min(ms, longestMs));
  }

  async #check(): Promise<void> {
    const { check, onRefused } = this.#options;
    let isWell = false;
    try {
      isWell = await check();
    } catch (error) {
      onRefused(error);
    }
    this.#failures = isWell ? 0 : this.#failures + 1;
    this.#plan(isWell ? 'well' : this.#failures - 1);
  }
}
