import Database from 'better-sqlite3';
import { renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { IntentdError, makeFolder, messageOf, removeTemporaries, type Logger } from '../../base/index.js';
import { initialState, type Ended, type MachineState } from '../machine/index.js';
import { parseEnded, parseState } from './schema.js';

const schemaVersion = 1;
/** Updates that are remembered. */
const keptHistory = 200;

/** What the update state machine is at, and what came of earlier updates: durable before `write` returns. */
export interface Journal {
  read(): MachineState;
  /** @throws IntentdError `disk_full` or `journal_failed`; then nothing of it is kept */
  write(state: MachineState, ended: readonly Ended[]): void;
  /** The newest first. */
  history(limit: number): Ended[];
  close(): void;
}

/**
 * `update/journal.db`. One that cannot be read is set aside: what serves is said by `active.json`, so that an update
 * that was under way is forgotten and found anew by the next check.
 */
export async function openJournal(path: string, log: Logger): Promise<Journal> {
  await makeFolder(dirname(path));
  await removeTemporaries(dirname(path));
  try {
    return new SqliteJournal(path);
  } catch (error) {
    if (isDiskFull(error)) throw failed(error);
    const aside = `${path}.broken`;
    log.error({ reason: messageOf(error), aside }, 'the update journal is set aside and begun anew');
    renameSync(path, aside);
    for (const rest of ['-wal', '-shm']) rmSync(`${path}${rest}`, { force: true });
    return new SqliteJournal(path);
  }
}

class SqliteJournal implements Journal {
  readonly #database: Database.Database;
  readonly #commit: (state: MachineState, ended: readonly Ended[]) => void;

  constructor(path: string) {
    this.#database = new Database(path, { timeout: 5000 });
    try {
      this.#database.pragma('journal_mode = WAL');
      this.#database.pragma('synchronous = FULL');
      this.#migrate(path);
      this.#commit = this.#prepareCommit();
      this.read();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  read(): MachineState {
    const row = this.#database.prepare('SELECT state FROM machine').get() as { state: string } | undefined;
    return row === undefined ? initialState : parseState(row.state);
  }

  write(state: MachineState, ended: readonly Ended[]): void {
    try {
      this.#commit(state, ended);
    } catch (error) {
      throw failed(error);
    }
  }

  history(limit: number): Ended[] {
    const rows = this.#database.prepare('SELECT record FROM history ORDER BY id DESC LIMIT ?').all(limit) as {
      record: string;
    }[];
    return rows.map(({ record }) => parseEnded(record));
  }

  close(): void {
    this.#database.close();
  }

  #migrate(path: string): void {
    const version = this.#database.pragma('user_version', { simple: true }) as number;
    if (version > schemaVersion) {
      throw new IntentdError('newer_database', `${path} has schema ${version}: a newer intentd wrote it.`);
    }
    if (version === schemaVersion) return;
    this.#database.transaction(() => {
      this.#database.exec(
        `CREATE TABLE machine (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL) STRICT;
         CREATE TABLE history (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;`,
      );
      this.#database.pragma(`user_version = ${schemaVersion}`);
    })();
  }

  #prepareCommit(): (state: MachineState, ended: readonly Ended[]) => void {
    const put = this.#database.prepare('INSERT OR REPLACE INTO machine VALUES (1, ?)');
    const add = this.#database.prepare('INSERT INTO history (record) VALUES (?)');
    const prune = this.#database.prepare('DELETE FROM history WHERE id <= (SELECT MAX(id) FROM history) - ?');
    return this.#database.transaction((state: MachineState, ended: readonly Ended[]) => {
      put.run(JSON.stringify(state));
      for (const one of ended) add.run(JSON.stringify(one));
      if (ended.length > 0) prune.run(keptHistory);
    });
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_FULL');
}

function failed(cause: unknown): IntentdError {
  if (isDiskFull(cause)) {
    return new IntentdError(
      'disk_full',
      'The disk is full: updates wait until there is room in the state directory.',
      { cause },
    );
  }
  return new IntentdError('journal_failed', `The update journal cannot be written: ${messageOf(cause)}.`, {
    cause,
  });
}
