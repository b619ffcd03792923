import type Database from 'better-sqlite3';
import { conditions, type RequestFilter } from './filter.js';
import type { Sums } from './group.js';

/** What rows are told apart by, as SQL; absent where they are not. */
export interface RowKeys {
  readonly name?: string | undefined;
  readonly time?: string | undefined;
}

export interface Keyed {
  readonly name: string | null;
  readonly time: number;
}

/** What a row is told apart by, and how long the request took. */
export type Latency = readonly [time: number, name: string | null, us: number];

const sumsSql = `COUNT(*) AS count, COUNT(error) AS errors, SUM(error IS NULL AND outOfScope) AS outOfScope,
  SUM(tokens) AS tokens, SUM(IIF(error IS NULL, queueUs, 0)) AS queueUs,
  SUM(IIF(error IS NULL, inferUs, 0)) AS inferUs, SUM(IIF(error IS NULL, totalUs, 0)) AS totalUs,
  MAX(IIF(error IS NULL, totalUs, 0)) AS maxUs, COUNT(energyMj) AS measured, TOTAL(energyMj) AS energyMj,
  COUNT(aboveIdleMj) AS measuredAbove, TOTAL(aboveIdleMj) AS aboveIdleMj`;

/**
 * Sums and latencies of the rows of a time, made by SQLite: an object for each of the thousands of rows of a few minutes
 * would take ten times as long.
 */
export class RowSums {
  readonly #database: Database.Database;
  readonly #from: string;
  readonly #values: readonly (string | number)[];
  readonly #keys: RowKeys;

  /** @param range from inclusive, to exclusive, in ms */
  constructor(
    database: Database.Database,
    range: { readonly from: number; readonly to: number },
    filter: RequestFilter,
    keys: RowKeys,
  ) {
    this.#database = database;
    this.#keys = keys;
    // Rows lie in the order of their ids, which is nearly that of their times: read in one go, not looked up singly.
    const { first, last } = database
      .prepare('SELECT MIN(id) AS first, MAX(id) AS last FROM request WHERE time >= ? AND time < ?')
      .get(range.from, range.to) as { first: number | null; last: number | null };
    const { where, values } = conditions({ ...filter, since: range.from, until: range.to - 1 });
    this.#from = `FROM request NOT INDEXED WHERE id BETWEEN ? AND ? AND ${where}`;
    this.#values = [first ?? 0, last ?? -1, ...values];
  }

  sums(): IterableIterator<Sums & Keyed> {
    const { name, time } = this.#keys;
    // SQLite would sort by what is the same everywhere, too.
    const by = [time, name].filter((key) => key !== undefined).join(', ');
    return this.#select(sumsSql, by === '' ? 'HAVING COUNT(*) > 0' : `GROUP BY ${by}`).iterate(
      ...this.#values,
    ) as IterableIterator<Sums & Keyed>;
  }

  /** Of the answered ones. */
  latencies(): IterableIterator<Latency> {
    return this.#select('totalUs', 'AND error IS NULL')
      .raw()
      .iterate(...this.#values) as IterableIterator<Latency>;
  }

  #select(columns: string, rest: string): Database.Statement {
    const { name = 'NULL', time = '0' } = this.#keys;
    return this.#database.prepare(
      `SELECT ${time} AS time, ${name} AS name, ${columns} ${this.#from} ${rest}`,
    );
  }
}
