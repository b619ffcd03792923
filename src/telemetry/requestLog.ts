import type Database from 'better-sqlite3';
import { existsSync, statSync } from 'node:fs';
import { isBrokenDatabase, messageOf, setDatabaseAside, type Clock, type Logger } from '../base/index.js';
import { columnNames, valuesOf, type RequestRow } from './row.js';
import { RowBuffer } from './rowBuffer.js';
import { NoteWriter, type Note } from './store/notes.js';
import { openDatabase } from './store/openDatabase.js';
import { Retention } from './store/retention.js';
import { Rollups } from './store/rollups.js';

export interface RequestLogOptions {
  /** The database file; its folder is made where it is missing. */
  readonly path: string;
  /** Least time between two commits, in milliseconds. */
  readonly commitMs: number;
  /** Rows that may wait for a commit; more are dropped and counted. */
  readonly maxPending: number;
  /** Rows older than this are deleted. */
  readonly maxAgeMs: number;
  /** The oldest rows are deleted before the file is larger. */
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

/** An open database and everything that writes to it. */
interface Store {
  readonly database: Database.Database;
  readonly insert: Database.Statement;
  readonly rollups: Rollups;
  readonly notes: NoteWriter;
  readonly retention: Retention;
}

const rowsPerTurn = 100;
/** Groups and deletions cost more than rows. */
const piecesPerTurn = 20;
const maxNotes = 10_000;

/**
 * The request log: rows gather in memory and are written together, with their roll-ups, in pieces between
 * which answers go out. A database that is locked, full, broken or gone never stops the service.
 */
export class RequestLog {
  readonly #options: RequestLogOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #rows: RowBuffer;
  #notes: Note[] = [];
  #store: Store | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #written = 0;
  #dropped = 0;
  #failures = 0;

  constructor(options: RequestLogOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#rows = new RowBuffer(options.maxPending);
  }

  get counters(): RequestLogCounters {
    const pending = this.#rows.count;
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
    if (!this.#rows.add(row)) this.#dropped += 1;
  }

  /** Takes something else to be written with the next commit; the oldest gives way where too many wait. */
  note(note: Note): void {
    if (this.#notes.length >= maxNotes) this.#notes.shift();
    this.#notes.push(note);
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
    // A commit that is under way leaves out what came after it began.
    await this.#writing;
    await this.flush();
    this.#close();
  }

  async #write(): Promise<void> {
    // More rows may come while these are written; they stay where they are until it is done.
    const count = this.#rows.count;
    const notes = this.#notes.splice(0);
    if (count === 0 && notes.length === 0) return;
    let begun = false;
    try {
      const store = this.#usable();
      store.database.exec('BEGIN IMMEDIATE');
      begun = true;
      await inTurns(insertAll(store, this.#rows, count), rowsPerTurn);
      for (const note of notes) store.notes.write(note);
      await inTurns(store.rollups.write(), piecesPerTurn);
      await inTurns(store.retention.apply(this.#clock.wall(), count), 1);
      store.database.exec('COMMIT');
      this.#rows.drop(count);
      this.#written += count;
    } catch (error) {
      this.#store?.rollups.forget();
      if (begun) this.#guarded(() => this.#store?.database.exec('ROLLBACK'));
      this.#notes = [...notes, ...this.#notes].slice(-maxNotes);
      this.#failed(error);
    }
  }

  /** The open database; opened anew where a file of it was deleted, since nobody else sees what is written there. */
  #usable(): Store {
    const { path } = this.#options;
    if (this.#store !== undefined && ![path, `${path}-wal`].every((file) => existsSync(file))) this.#close();
    const store = this.#store ?? this.#open();
    if (this.#walBytes() > this.#options.maxWalBytes) {
      store.database.pragma('wal_checkpoint(TRUNCATE)');
      if (this.#walBytes() > this.#options.maxWalBytes) {
        throw new Error('a reader holds its write-ahead log open; waiting until it ends');
      }
    }
    return store;
  }

  #walBytes(): number {
    return statSync(`${this.#options.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  #open(): Store {
    const database = openDatabase(this.#options.path, this.#clock.wall());
    const places = columnNames.map(() => '?').join(', ');
    this.#store = {
      database,
      insert: database.prepare(`INSERT INTO request (${columnNames.join(', ')}) VALUES (${places})`),
      rollups: new Rollups(database),
      notes: new NoteWriter(database),
      retention: new Retention(database, this.#options),
    };
    return this.#store;
  }

  #close(): void {
    this.#guarded(() => this.#store?.database.close());
    this.#store = undefined;
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    if (isBrokenDatabase(error)) this.#setAside('corrupt');
    if ((error as { code?: unknown }).code === 'newer_database') this.#setAside('newer');
    this.#log.warn(
      { reason: messageOf(error), pending: this.#rows.count },
      'the request log was not written',
    );
  }

  /** Moves a database that is of no use out of the way, so that the next commit begins a new one. */
  #setAside(why: 'corrupt' | 'newer'): void {
    this.#close();
    this.#guarded(() => {
      const aside = setDatabaseAside(this.#options.path, why);
      this.#log.warn(
        { aside, why },
        'the request log was of no use; it was set aside, and a new one is begun',
      );
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

function* insertAll({ insert, rollups }: Store, rows: RowBuffer, count: number): Generator<void> {
  for (let place = 0; place < count; place++) {
    const row = rows.at(place);
    insert.run(valuesOf(row));
    rollups.note(row);
    yield;
  }
}

/** Does work that yields, letting other work run after so many pieces. */
async function inTurns(work: Generator<void>, piecesPerTurn: number): Promise<void> {
  for (let piece = 1; work.next().done !== true; piece++) {
    if (piece % piecesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
