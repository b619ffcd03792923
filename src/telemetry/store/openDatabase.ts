import Database from 'better-sqlite3';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { IntentdError } from '../../base/index.js';
import { migrations } from './migrations.js';

/** The version of the schema that this program writes and reads. */
export const schemaVersion = migrations.length;

/**
 * Opens the database for writing, made or brought up to date where it has to be.
 *
 * @param now milliseconds since 1970
 * @throws IntentdError `newer_database` where a newer intentd wrote it
 */
export function openDatabase(path: string, now: number): Database.Database {
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path, { timeout: 0 });
  try {
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    // Rows are written behind one another. better-sqlite3 would keep the last 16 MB of them in memory.
    database.pragma('cache_size = -1024');
    migrate(database, path, now);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** The version of an open database's schema. */
export function versionOf(database: Database.Database): number {
  return database.pragma('user_version', { simple: true }) as number;
}

function migrate(database: Database.Database, path: string, now: number): void {
  const version = versionOf(database);
  if (version > schemaVersion) {
    throw new IntentdError(
      'newer_database',
      `${path} has schema ${version}, this intentd knows ${schemaVersion}: a newer one wrote it.`,
    );
  }
  if (version === schemaVersion) return;
  database.transaction(() => {
    for (const step of migrations.slice(version)) database.exec(step);
    // Rows of the first schema were not rolled up; of a database that begins here all are, whatever their time.
    if (version < 2) database.prepare('INSERT INTO rollup_since VALUES (?)').run(version === 0 ? 0 : now);
    database.pragma(`user_version = ${schemaVersion}`);
  })();
}
