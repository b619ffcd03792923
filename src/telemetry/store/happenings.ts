import type Database from 'better-sqlite3';
import type { RequestFilter } from './filter.js';

/** What happened to the agent: an engine was built, an update took a step, or something else. */
export interface Happening {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly kind: 'build' | 'update' | 'event';
  /** How a build ended, the phase of an update, the kind of an event. */
  readonly what: string;
  /** The engine of a build, the version of an update; `null` where there is none. */
  readonly of: string | null;
  /** Text, or JSON; `null` where there is nothing more to say. */
  readonly detail: string | null;
}

const sources: readonly string[] = [
  "SELECT time, 'build' AS kind, outcome AS what, engine AS 'of', detail FROM engine_build",
  "SELECT time, 'update' AS kind, phase AS what, version AS 'of', detail FROM update_event",
  "SELECT time, 'event' AS kind, kind AS what, NULL AS 'of', detail FROM event",
];

/** The newest `limit` of a time, both ends included, oldest first. */
export function readHappenings(
  database: Database.Database,
  { since = 0, until = Number.MAX_SAFE_INTEGER }: Pick<RequestFilter, 'since' | 'until'>,
  limit: number,
): Happening[] {
  const found = sources.flatMap(
    (source) =>
      database
        .prepare(`${source} WHERE time >= ? AND time <= ? ORDER BY time DESC, rowid DESC LIMIT ?`)
        .all(since, until, limit)
        .reverse() as Happening[],
  );
  return found.sort((a, b) => a.time - b.time).slice(-limit);
}
