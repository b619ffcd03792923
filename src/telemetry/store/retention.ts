import type Database from 'better-sqlite3';

export interface RetentionOptions {
  /** Rows older than this are deleted. */
  readonly maxAgeMs: number;
  /** The oldest of everything is deleted before the file is larger. */
  readonly maxBytes: number;
}

const dayMs = 24 * 3600_000;

/** Deleting begins before the cap is reached: a commit adds more at once. */
const fullShare = 0.9;
const rowsPerTurn = 1000;
const pagesPerCommit = 500;

/** What is kept of everything but rows, in the order in which it goes where there is no room. */
const kept: readonly {
  readonly where: string;
  readonly table: string;
  readonly time: string;
  readonly days: number;
}[] = [
  { table: 'power', where: '1', time: 'time', days: 3 },
  { table: 'energy', where: '1', time: 'time', days: 3 },
  { table: 'rollup', where: 'level = 300', time: 'start', days: 3 },
  { table: 'power_state', where: '1', time: 'time', days: 30 },
  { table: 'event', where: '1', time: 'time', days: 365 },
  { table: 'update_event', where: '1', time: 'time', days: 3650 },
  { table: 'engine_build', where: '1', time: 'time', days: 3650 },
  { table: 'power_rollup', where: 'level = 3600', time: 'start', days: 90 },
  { table: 'energy_rollup', where: 'level = 3600', time: 'start', days: 90 },
  { table: 'rollup', where: 'level = 3600', time: 'start', days: 90 },
  { table: 'power_rollup', where: 'level = 86400', time: 'start', days: 3650 },
  { table: 'energy_rollup', where: 'level = 86400', time: 'start', days: 3650 },
  { table: 'rollup', where: 'level = 86400', time: 'start', days: 3650 },
];

/** Deletes what is too old, and the oldest where there is too much, a piece at a time. */
export class Retention {
  readonly #database: Database.Database;
  readonly #options: RetentionOptions;
  #lastAged = -Infinity;

  constructor(database: Database.Database, options: RetentionOptions) {
    this.#database = database;
    this.#options = options;
  }

  /**
   * Part of a commit; yields between pieces.
   *
   * @param now milliseconds since 1970
   * @param written rows of the commit: where there is no room, twice as many go
   */
  *apply(now: number, written: number): Generator<void> {
    yield* this.#deleteRows(this.#idAt(now - this.#options.maxAgeMs), 5 * rowsPerTurn + 2 * written);
    if (now - this.#lastAged > 60_000 || now < this.#lastAged) {
      this.#lastAged = now;
      yield* this.#deleteAged(now);
    }
    yield* this.#makeRoom(5 * rowsPerTurn + 2 * written);
    if (this.#pragma('freelist_count') > 0) this.#database.pragma(`incremental_vacuum(${pagesPerCommit})`);
  }

  /** Deletes the oldest rows until there is room, then the finest of the rest; so many at most at a time. */
  *#makeRoom(most: number): Generator<void> {
    for (let gone = 0; gone < most && this.#full(); gone += rowsPerTurn) {
      if (!this.#deleteOldest()) return;
      yield;
    }
  }

  #deleteOldest(): boolean {
    const rows = { table: 'request', where: '1', time: 'id' };
    return [rows, ...kept].some(({ table, where, time }) => {
      const oldest = `SELECT ${time} FROM ${table} WHERE ${where} ORDER BY ${time} LIMIT ${rowsPerTurn}`;
      const sql = `DELETE FROM ${table} WHERE ${where} AND ${time} IN (${oldest})`;
      return this.#database.prepare(sql).run().changes > 0;
    });
  }

  *#deleteAged(now: number): Generator<void> {
    for (const { table, where, time, days } of kept) {
      const old = now - days * dayMs;
      this.#database.prepare(`DELETE FROM ${table} WHERE ${where} AND ${time} < ?`).run(old);
      yield;
    }
  }

  /** Rows are written in the order of their ids, and nearly in that of their times. */
  *#deleteRows(before: number, most: number): Generator<void> {
    const remove = this.#database.prepare(
      'DELETE FROM request WHERE id IN (SELECT id FROM request WHERE id < ? ORDER BY id LIMIT ?)',
    );
    for (let left = most; left > 0; left -= rowsPerTurn) {
      if (remove.run(before, rowsPerTurn).changes < rowsPerTurn) return;
      yield;
    }
  }

  /** The id of the first row that is younger than `time`. */
  #idAt(time: number): number {
    const row = this.#database
      .prepare('SELECT id FROM request WHERE time >= ? ORDER BY time LIMIT 1')
      .get(time) as { id: number } | undefined;
    return row?.id ?? Number.MAX_SAFE_INTEGER;
  }

  #full(): boolean {
    const used = this.#pragma('page_count') - this.#pragma('freelist_count');
    return used * this.#pragma('page_size') > fullShare * this.#options.maxBytes;
  }

  #pragma(name: string): number {
    return this.#database.pragma(name, { simple: true }) as number;
  }
}
