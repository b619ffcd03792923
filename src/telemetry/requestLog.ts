import Database from 'better-sqlite3';
import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, type Clock, type Logger } from '../base/index.js';
import { columnNames, createTable, type RequestRow } from './row.js';

export interface RequestLogOptions {
  /** The database file; its folder is made where it is missing. */
  readonly path: string;
  /** Least time between two commits, in milliseconds. */
  readonly commitMs: number;
  /** Rows that may wait for a commit; more are dropped and counted. */
  readonly maxPending: number;
  /** Rows older than this are deleted. */
  readonly maxAgeMs: number;
  /** The oldest rows are deleted where the file is larger. */
  readonly maxBytes: number;
  /** Writing stops where the write-ahead log is larger and some reader keeps it from being emptied. */
  readonly maxWalBytes: number;
}

/** What the log did and could not do since the start. */
export interface RequestLogCounters {
  readonly written: number;
  readonly pending: number;
  readonly dropped: number;
  readonly failures: number;
}

const rowsPerTurn = 500;
const pruneRows = 5000;

/**
 * The request log: rows gather in memory and are written together, in pieces between which answers go
 * out. A database that is locked, full, broken or gone never stops the service.
 */
export class RequestLog {
  readonly #options: RequestLogOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #pending: RequestRow[] = [];
  #database: Database.Database | undefined;
  #insert: Database.Statement | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #written = 0;
  #dropped = 0;
  #failures = 0;

  constructor(options: RequestLogOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get counters(): RequestLogCounters {
    const pending = this.#pending.length;
    return { written: this.#written, pending, dropped: this.#dropped, failures: this.#failures };
  }

  start(): void {
    this.#timer = setInterval(() => {
      void this.flush();
    }, this.#options.commitMs);
    this.#guarded(() => this.#open());
  }

  /** Takes a row to be written with the next commit. */
  record(row: RequestRow): void {
    if (this.#pending.length >= this.#options.maxPending) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push(row);
  }

  /** Writes what waits; resolves when it is done, or could not be. */
  flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  /** Writes what waits and closes. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    this.#close();
  }

  async #write(): Promise<void> {
    if (this.#pending.length === 0) return;
    const rows = this.#pending.splice(0);
    let begun = false;
    try {
      const database = this.#usable();
      database.exec('BEGIN IMMEDIATE');
      begun = true;
      for (let at = 0; at < rows.length; at += rowsPerTurn) {
        if (at > 0) await new Promise((resolve) => setImmediate(resolve));
        for (const row of rows.slice(at, at + rowsPerTurn)) this.#insert!.run(valuesOf(row));
      }
      this.#prune(database);
      database.exec('COMMIT');
      this.#written += rows.length;
    } catch (error) {
      if (begun) this.#guarded(() => this.#database?.exec('ROLLBACK'));
      this.#keep(rows);
      this.#failed(error);
    }
  }

  /** The open database; opened anew where its file was deleted. */
  #usable(): Database.Database {
    if (this.#database !== undefined && !existsSync(this.#options.path)) this.#close();
    const database = this.#database ?? this.#open();
    const wal = statSync(`${this.#options.path}-wal`, { throwIfNoEntry: false });
    if (wal !== undefined && wal.size > this.#options.maxWalBytes) {
      database.pragma('wal_checkpoint(TRUNCATE)');
      const after = statSync(`${this.#options.path}-wal`, { throwIfNoEntry: false });
      if (after !== undefined && after.size > this.#options.maxWalBytes) {
        throw new Error('a reader holds its write-ahead log open; waiting until it ends');
      }
    }
    return database;
  }

  #open(): Database.Database {
    mkdirSync(dirname(this.#options.path), { recursive: true });
    const database = new Database(this.#options.path, { timeout: 0 });
    try {
      database.pragma('auto_vacuum = INCREMENTAL');
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = NORMAL');
      database.exec(createTable);
      this.#insert = database.prepare(
        `INSERT INTO request (${columnNames.join(', ')}) VALUES (${columnNames.map(() => '?').join(', ')})`,
      );
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
    return database;
  }

  #close(): void {
    this.#guarded(() => this.#database?.close());
    this.#database = undefined;
  }

  #prune(database: Database.Database): void {
    const { maxAgeMs, maxBytes } = this.#options;
    database.prepare('DELETE FROM request WHERE time < ?').run(this.#clock.wall() - maxAgeMs);
    const pages = database.pragma('page_count', { simple: true }) as number;
    const free = database.pragma('freelist_count', { simple: true }) as number;
    const size = database.pragma('page_size', { simple: true }) as number;
    if ((pages - free) * size > maxBytes) {
      database
        .prepare('DELETE FROM request WHERE id IN (SELECT id FROM request ORDER BY id LIMIT ?)')
        .run(pruneRows);
    }
    if (free > 0) database.pragma('incremental_vacuum(200)');
  }

  #keep(rows: RequestRow[]): void {
    const room = this.#options.maxPending - this.#pending.length;
    this.#dropped += Math.max(0, rows.length - room);
    this.#pending = [...rows.slice(Math.max(0, rows.length - room)), ...this.#pending];
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    const code = (error as { code?: unknown }).code;
    if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB') this.#setAside();
    this.#log.warn(
      { reason: messageOf(error), pending: this.#pending.length },
      'the request log was not written',
    );
  }

  /** Moves a broken database out of the way, so that the next commit begins a new one. */
  #setAside(): void {
    this.#close();
    const aside = `${this.#options.path}.corrupt`;
    this.#guarded(() => {
      renameSync(this.#options.path, aside);
      for (const suffix of ['-wal', '-shm']) rmSync(`${this.#options.path}${suffix}`, { force: true });
      this.#log.warn({ aside }, 'the request log was corrupt; it was set aside, and a new one is begun');
    });
  }

  #guarded(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.#failed(error);
    }
  }
}

function valuesOf(row: RequestRow): unknown[] {
  return columnNames.map((name) => {
    const value = row[name as keyof RequestRow];
    return typeof value === 'boolean' ? Number(value) : value;
  });
}
