import { renameSync, rmSync } from 'node:fs';

/** Whether SQLite says that the file is damaged, or none of its databases at all. */
export function isBrokenDatabase(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

/**
 * Moves a closed SQLite database out of the way, so that a new one can be begun under its name.
 *
 * @param why becomes the file's last extension
 * @returns where it is now
 */
export function setDatabaseAside(path: string, why: string): string {
  const aside = `${path}.${why}`;
  renameSync(path, aside);
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  return aside;
}
