import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { IntentdError } from '../base/index.js';
import type { RequestRow } from './row.js';
import { conditions, type RequestFilter } from './store/filter.js';
import { schemaVersion, versionOf } from './store/openDatabase.js';
import { readEnergy, type EnergyFigures } from './store/energyQuery.js';
import { readHappenings, type Happening } from './store/happenings.js';
import {
  readPower,
  readPowerRows,
  type PowerFigures,
  type PowerRange,
  type PowerRow,
} from './store/powerQuery.js';
import {
  readIntentsByMinute,
  readPowerSeries,
  readRequestSeries,
  type RequestSeries,
  type SeriesRange,
} from './store/seriesQuery.js';
import { StatsQuery, type Grouping, type RequestStats } from './store/statsQuery.js';

export type StoredRow = RequestRow & { readonly id: number };

/** The meter of some rows: what their energy covers. */
export interface StoredMeter {
  readonly kind: string;
  readonly device: string;
  readonly covers: string;
  /** The rail that is the total, or `sum of …`. */
  readonly total: string;
  /** Time between two of its samples when it was last used, in milliseconds; `null` where an older intentd noted it. */
  readonly sampleMs: number | null;
}

/** Reads the request log while the daemon writes it, and never keeps the daemon from writing. */
export class RequestLogReader {
  readonly #database: Database.Database;

  /** @throws IntentdError `no_log` where there is none yet, `other_version` where this program cannot read it */
  constructor(path: string) {
    if (!existsSync(path)) {
      throw new IntentdError(
        'no_log',
        `There is no request log at ${path}: has the daemon run with this state directory?`,
      );
    }
    this.#database = new Database(path, { readonly: true, timeout: 2000 });
    const version = versionOf(this.#database);
    if (version !== schemaVersion) {
      this.#database.close();
      throw new IntentdError(
        'other_version',
        `${path} has schema ${version}, this intentd reads ${schemaVersion}: ` +
          (version < schemaVersion ? 'start the agent once, it brings it up to date.' : 'update intentd.'),
      );
    }
  }

  /** The newest `limit` requests, oldest first. */
  newest(filter: RequestFilter, limit: number): StoredRow[] {
    const { where, values } = conditions(filter);
    const rows = this.#database
      .prepare(`SELECT * FROM request WHERE ${where} ORDER BY id DESC LIMIT ?`)
      .all(...values, limit);
    return rows.reverse().map(rowOf);
  }

  /** Requests written after the one of `id`, oldest first. */
  after(id: number, filter: RequestFilter): StoredRow[] {
    const { where, values } = conditions(filter);
    return this.#database
      .prepare(`SELECT * FROM request WHERE id > ? AND ${where} ORDER BY id LIMIT 10000`)
      .all(id, ...values)
      .map(rowOf);
  }

  /** Figures of each group, the largest first, hours in order; of all together where `by` is absent. */
  stats(filter: RequestFilter, by?: Grouping): RequestStats[] {
    return new StatsQuery(this.#database).run(filter, by);
  }

  /** Power of the rails over time. */
  power(range: PowerRange): PowerFigures {
    return readPower(this.#database, range);
  }

  /** Where the meter's energy went in a time; `null` where nothing was measured. */
  energy(range: { readonly since: number; readonly until: number }): EnergyFigures | null {
    return readEnergy(this.#database, range);
  }

  /** Power of the rails second by second, or hour by hour where that is all that is kept, in order. */
  powerRows(range: { readonly since: number; readonly until: number; readonly limit: number }): PowerRow[] {
    return readPowerRows(this.#database, range);
  }

  /** Requests step by step. */
  requestSeries(range: SeriesRange): RequestSeries {
    return readRequestSeries(this.#database, range);
  }

  /** Mean power by rail, step by step, in mW. */
  powerSeries(range: SeriesRange): Record<string, (number | null)[]> {
    return readPowerSeries(this.#database, range);
  }

  /** Answers of each minute by intent; `null` is out of scope. */
  intentsByMinute(since: number, until: number): ReturnType<typeof readIntentsByMinute> {
    return readIntentsByMinute(this.#database, since, until);
  }

  /** The meters that measured anything kept here. */
  meters(): StoredMeter[] {
    return this.#database
      .prepare('SELECT kind, device, covers, total, sampleMs FROM meter')
      .all() as StoredMeter[];
  }

  /** The newest engine builds, steps of updates and events of a time, oldest first. */
  happenings(range: Pick<RequestFilter, 'since' | 'until'>, limit: number): Happening[] {
    return readHappenings(this.#database, range, limit);
  }

  /** What was said of the newest event of a kind; `null` where there is none, or nothing was said. */
  lastEvent(kind: string): string | null {
    const last = this.#database
      .prepare('SELECT detail FROM event WHERE kind = ? ORDER BY time DESC LIMIT 1')
      .pluck()
      .get(kind) as string | null | undefined;
    return last ?? null;
  }

  close(): void {
    this.#database.close();
  }
}

function rowOf(row: unknown): StoredRow {
  const stored = row as Omit<StoredRow, 'outOfScope'> & { outOfScope: number };
  return { ...stored, outOfScope: stored.outOfScope === 1 };
}
