import type { Clock } from '../../base/index.js';
import { RecentRequests, type RecentFigures } from '../recent.js';
import type { RequestRow } from '../row.js';
import { IntentsOfHour, type IntentCount, type MinuteCount } from './intentsOfHour.js';
import { LastMinute, type MinuteFigures } from './lastMinute.js';

const keptSeconds = 300;
const keptAnswers = 8;
const shownIntents = 10;

/** Figures of about one second. */
export interface Second extends RecentFigures {
  /** Its end, in milliseconds since 1970. */
  readonly at: number;
  /** Mean power by rail, `total` among them; `null` where nothing measures. */
  readonly railsW: Readonly<Record<string, number>> | null;
}

/** A request that ended: everything but what was said. */
export interface Ended {
  readonly at: number;
  readonly intent: string | null;
  readonly outOfScope: boolean;
  readonly error: string | null;
  readonly confidence: number | null;
  readonly totalMs: number;
  readonly energyMj: number | null;
  readonly dialect: string;
  readonly model: string | null;
}

/** What is shown beside the charts. */
export interface Standing {
  readonly minute: MinuteFigures;
  /** Of the last hour. */
  readonly intents: readonly IntentCount[];
  readonly answered: number;
  readonly outOfScope: number;
}

/** The last five minutes by the second, the last hour's intents, and the newest answers: bounded, however many come. */
export class LiveWindow {
  readonly #clock: Clock;
  readonly #recent: RecentRequests;
  readonly #minute = new LastMinute();
  readonly #intents = new IntentsOfHour();
  #seconds: Second[] = [];
  #newest: Ended[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#recent = new RecentRequests(clock.now());
  }

  /** Begins the first second. */
  begin(): void {
    this.#recent.take(this.#clock.now());
  }

  note(row: RequestRow): void {
    this.#recent.note(row);
    this.#minute.note(row, this.#clock.now());
    this.#intents.note(row);
    this.#newest.push(endedOf(row));
    if (this.#newest.length > keptAnswers) this.#newest.shift();
  }

  /** Adds what was answered before this process began. */
  seed(counts: readonly MinuteCount[]): void {
    for (const count of counts) this.#intents.add(count);
  }

  /** Ends a second. */
  tick(railsMw: ReadonlyMap<string, number>): Second {
    const second: Second = {
      at: this.#clock.wall(),
      ...this.#recent.take(this.#clock.now()),
      railsW: railsMw.size === 0 ? null : watts(railsMw),
    };
    this.#seconds.push(second);
    if (this.#seconds.length > keptSeconds) this.#seconds.shift();
    return second;
  }

  /** Oldest first. */
  get seconds(): readonly Second[] {
    return this.#seconds;
  }

  /** Oldest first. */
  get newest(): readonly Ended[] {
    return this.#newest;
  }

  get standing(): Standing {
    return {
      minute: this.#minute.figures(this.#clock.now()),
      ...this.#intents.figures(this.#clock.wall(), shownIntents),
    };
  }
}

function endedOf(row: RequestRow): Ended {
  return {
    at: row.time,
    intent: row.intent,
    outOfScope: row.outOfScope,
    error: row.error,
    confidence: row.confidence,
    totalMs: row.totalUs / 1000,
    energyMj: row.energyMj,
    dialect: row.dialect,
    model: row.model,
  };
}

function watts(railsMw: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...railsMw].map(([rail, powerMw]) => [rail, Math.round(powerMw) / 1000]));
}
