import type Database from 'better-sqlite3';

export interface PowerRange {
  /** Milliseconds since 1970, inclusive. */
  readonly since: number;
  readonly until: number;
  /** Most points a rail. */
  readonly points: number;
}

/** Power of one rail, in mW. */
export interface RailPower {
  readonly rail: string;
  /** At the last second of the range. */
  readonly latestMw: number;
  readonly meanMw: number;
  readonly maxMw: number;
  /** Means over even parts of the range, in order; `null` where nothing was measured. */
  readonly overTime: readonly (number | null)[];
}

export interface PowerFigures {
  /** Milliseconds since 1970 of the last second; `null` where nothing was measured. */
  readonly time: number | null;
  /** Where `overTime` begins, in milliseconds since 1970, and how much time each of its means is over. */
  readonly from: number;
  readonly partMs: number;
  readonly rails: readonly RailPower[];
  /** What power depended on at the end; `null` where nothing was noted. */
  readonly state: Readonly<Record<string, string | number | null>> | null;
}

const hourMs = 3_600_000;

interface Point {
  readonly rail: string;
  readonly part: number;
  readonly seconds: number;
  readonly meanMw: number;
  readonly maxMw: number;
}

/** Power of every rail at a time, in mW. */
export interface PowerRow {
  /** Milliseconds since 1970 of the beginning of the second, or the hour, that it is the mean of. */
  readonly time: number;
  /** A second or an hour: the next one may begin so much later. */
  readonly spanMs: number;
  /** How many seconds of it were measured. */
  readonly seconds: number;
  readonly meanMw: ReadonlyMap<string, number>;
}

/** What there is for a range: seconds, or hours where the seconds at its beginning are not kept any more. */
interface Source {
  /** Rows of time, seconds, and what the tables hold. */
  readonly sql: string;
  readonly stepMs: number;
  /** Its first row's time; `null` where there is none. */
  readonly first: number | null;
}

/** A table of seconds, that of its roll-ups, and what both hold beside the time. */
interface Tables {
  readonly second: string;
  readonly span: string;
  readonly columns: string;
}

const railTables: Tables = { second: 'power', span: 'power_rollup', columns: 'rail, meanMw, maxMw' };

export function sourceFor(database: Database.Database, since: number, tables = railTables): Source {
  const { second, span, columns } = tables;
  const one = (sql: string) => database.prepare(sql).pluck().get() as number | null;
  const firstSecond = one(`SELECT MIN(time) FROM ${second}`);
  const firstHour = one(`SELECT MIN(start) FROM ${span} WHERE level = 3600`);
  const secondsSuffice =
    firstHour === null ||
    (firstSecond !== null && (since >= firstSecond || firstHour + hourMs >= firstSecond));
  return secondsSuffice
    ? { sql: `SELECT time, 1 AS seconds, ${columns} FROM ${second}`, stepMs: 1000, first: firstSecond }
    : {
        sql: `SELECT start AS time, seconds, ${columns} FROM ${span} WHERE level = 3600`,
        stepMs: hourMs,
        first: firstHour,
      };
}

/** Every second, or hour, from `since` to `until`, in order; seconds behind the `limit` first ones are left out. */
export function readPowerRows(
  database: Database.Database,
  { since, until, limit }: { readonly since: number; readonly until: number; readonly limit: number },
): PowerRow[] {
  const { sql, stepMs } = sourceFor(database, since);
  const points = database
    .prepare(
      `SELECT time, rail, seconds, meanMw FROM (${sql}) WHERE time > ? AND time <= ? ORDER BY time, rail`,
    )
    .iterate(since - stepMs, until) as Iterable<{
    time: number;
    rail: string;
    seconds: number;
    meanMw: number;
  }>;
  const rows: (PowerRow & { readonly meanMw: Map<string, number> })[] = [];
  for (const { time, rail, seconds, meanMw } of points) {
    if (rows.at(-1)?.time !== time) {
      if (rows.length === limit) break;
      rows.push({ time, spanMs: stepMs, seconds, meanMw: new Map() });
    }
    rows.at(-1)!.meanMw.set(rail, meanMw);
  }
  return rows;
}

/** Reads seconds where they are kept for the whole range, else hours. */
export function readPower(database: Database.Database, { since, until, points }: PowerRange): PowerFigures {
  const source = sourceFor(database, since);
  const from = Math.max(since, source.first ?? since);
  const partMs = Math.max(source.stepMs, Math.ceil((until + 1 - from) / points));
  const rows = database
    .prepare(
      `SELECT rail, CAST((MAX(time, @from) - @from) / @partMs AS INTEGER) AS part, SUM(seconds) AS seconds,
         SUM(meanMw * seconds) / SUM(seconds) AS meanMw, MAX(maxMw) AS maxMw
       FROM (${source.sql}) WHERE time > @from - @stepMs AND time <= @until GROUP BY rail, part ORDER BY part`,
    )
    .all({ from, partMs, stepMs: source.stepMs, until }) as Point[];
  const parts = Math.max(0, ...rows.map(({ part }) => part + 1));
  const latest = latestOf(database, until);
  const state = database
    .prepare('SELECT * FROM power_state WHERE time <= ? ORDER BY time DESC LIMIT 1')
    .get(until) as PowerFigures['state'] | undefined;
  return {
    time: latest.time,
    from,
    partMs,
    rails: [...new Set(rows.map(({ rail }) => rail))].map((rail) =>
      railOf(
        rail,
        rows.filter((row) => row.rail === rail),
        parts,
        latest.mw.get(rail),
      ),
    ),
    state: state ?? null,
  };
}

function latestOf(
  database: Database.Database,
  until: number,
): { time: number | null; mw: Map<string, number> } {
  const rows = database
    .prepare(
      'SELECT time, rail, meanMw FROM power WHERE time = (SELECT MAX(time) FROM power WHERE time <= ?)',
    )
    .all(until) as { time: number; rail: string; meanMw: number }[];
  return { time: rows[0]?.time ?? null, mw: new Map(rows.map(({ rail, meanMw }) => [rail, meanMw])) };
}

function railOf(rail: string, points: readonly Point[], parts: number, latestMw?: number): RailPower {
  const seconds = points.reduce((sum, point) => sum + point.seconds, 0);
  const overTime: (number | null)[] = Array.from({ length: parts }, () => null);
  for (const { part, meanMw } of points) if (part >= 0) overTime[part] = meanMw;
  return {
    rail,
    latestMw: latestMw ?? points.at(-1)!.meanMw,
    meanMw: points.reduce((sum, point) => sum + point.meanMw * point.seconds, 0) / seconds,
    maxMw: Math.max(...points.map(({ maxMw }) => maxMw)),
    overTime,
  };
}
