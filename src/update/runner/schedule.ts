export interface ScheduleOptions {
  /** Between two checks. */
  readonly everyMs: number;
  /** Looks for updates; rejects, or gives `false`, where that failed. */
  readonly check: () => Promise<boolean>;
  /** At least 0 and less than 1. */
  readonly random?: () => number;
}

const firstWithinMs = 5 * 60_000;
const retryMs = 60_000;

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
    if (this.#stopped) return;
    const { everyMs, random = Math.random } = this.#options;
    this.#timer = setTimeout(() => void this.#check(), nextCheckMs(everyMs, last, random()));
  }

  async #check(): Promise<void> {
    const isWell = await this.#options.check().catch(() => false);
    this.#failures = isWell ? 0 : this.#failures + 1;
    this.#plan(isWell ? 'well' : this.#failures - 1);
  }
}
