import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { IntentdError } from '../base/index.js';
import type { RequestRow } from './row.js';

/** Which requests; all where nothing is named. */
export interface RequestFilter {
  /** Milliseconds since 1970, inclusive. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly intent?: string | undefined;
  readonly model?: string | undefined;
  readonly requestId?: string | undefined;
  readonly errorsOnly?: boolean | undefined;
  readonly outOfScopeOnly?: boolean | undefined;
}

export type StoredRow = RequestRow & { readonly id: number };

export const groupings = ['intent', 'model', 'engine', 'hour'] as const;
export type Grouping = (typeof groupings)[number];

/** Figures of a group of requests; latencies of the answered ones, in milliseconds. */
export interface RequestStats {
  /** `null` where not grouped, or where the group has no name. */
  readonly group: string | null;
  readonly count: number;
  readonly errors: number;
  /** Share of the answered requests, 0 to 1; `null` where none was answered. */
  readonly outOfScope: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** Mean of the measured ones. */
  readonly energyMj: number | null;
}

const groupColumns: Readonly<Record<Grouping, string>> = {
  intent: 'intent',
  model: "model || ' ' || version",
  engine: 'engine',
  hour: "strftime('%Y-%m-%dT%H:00Z', time / 1000, 'unixepoch')",
};

/** Reads the request log while the daemon writes it. */
export class RequestLogReader {
  readonly #database: Database.Database;

  /** @throws IntentdError `no_log` where there is none yet */
  constructor(path: string) {
    if (!existsSync(path)) {
      throw new IntentdError(
        'no_log',
        `There is no request log at ${path}: has the daemon run with this state directory?`,
      );
    }
    this.#database = new Database(path, { readonly: true, timeout: 2000 });
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

  /** Figures of each group, the largest first; of all together where `by` is absent. */
  stats(filter: RequestFilter, by?: Grouping): RequestStats[] {
    const { where, values } = conditions(filter);
    const group = by === undefined ? 'NULL' : groupColumns[by];
    const sql = `
      WITH chosen AS (
        SELECT ${group} AS grp, totalUs, outOfScope, error, energyMj,
          ROW_NUMBER() OVER (PARTITION BY ${group}, error IS NULL ORDER BY totalUs) AS rank,
          COUNT(*) OVER (PARTITION BY ${group}, error IS NULL) AS size
        FROM request WHERE ${where})
      SELECT grp AS "group", COUNT(*) AS count, COUNT(error) AS errors,
        AVG(CASE WHEN error IS NULL THEN outOfScope END) AS outOfScope,
        ${percentile(50)} AS p50Ms, ${percentile(95)} AS p95Ms, ${percentile(99)} AS p99Ms,
        MAX(CASE WHEN error IS NULL THEN totalUs END) / 1000.0 AS maxMs,
        AVG(energyMj) AS energyMj
      FROM chosen GROUP BY grp ORDER BY ${by === 'hour' ? 'grp' : 'count DESC'}`;
    return this.#database.prepare(sql).all(...values) as RequestStats[];
  }

  close(): void {
    this.#database.close();
  }
}

/** The smallest latency that `percent` of the answered requests do not exceed. */
function percentile(percent: number): string {
  return `MIN(CASE WHEN error IS NULL AND rank * 100 >= size * ${percent} THEN totalUs END) / 1000.0`;
}

function conditions(filter: RequestFilter): { where: string; values: (string | number)[] } {
  const parts: [string, string | number | undefined][] = [
    ['time >= ?', filter.since],
    ['time <= ?', filter.until],
    ['intent = ?', filter.intent],
    ['model = ?', filter.model],
    ['requestId = ?', filter.requestId],
  ];
  const given = parts.filter((part): part is [string, string | number] => part[1] !== undefined);
  const clauses = given.map(([clause]) => clause);
  if (filter.errorsOnly === true) clauses.push('error IS NOT NULL');
  if (filter.outOfScopeOnly === true) clauses.push('outOfScope = 1');
  return {
    where: clauses.length === 0 ? '1' : clauses.join(' AND '),
    values: given.map(([, value]) => value),
  };
}

function rowOf(row: unknown): StoredRow {
  const stored = row as Omit<StoredRow, 'outOfScope'> & { outOfScope: number };
  return { ...stored, outOfScope: stored.outOfScope === 1 };
}
