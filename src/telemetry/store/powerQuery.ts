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

/** Reads seconds where they are kept for the whole range, else hours. */
export function readPower(database: Database.Database, { since, until, points }: PowerRange): PowerFigures {
  const firstSecond = database.prepare('SELECT MIN(time) FROM power').pluck().get() as number | null;
  const firstHour = database
    .prepare('SELECT MIN(start) FROM power_rollup WHERE level = 3600')
    .pluck()
    .get() as number | null;
  const coarse =
    firstHour !== null && firstSecond !== null && firstHour + hourMs < firstSecond && since < firstSecond;
  const from = Math.max(since, (coarse ? firstHour : firstSecond) ?? since);
  const partMs = Math.max(coarse ? hourMs : 1000, Math.ceil((until + 1 - from) / points));
  const source = coarse
    ? 'SELECT start AS time, rail, seconds, meanMw, maxMw FROM power_rollup WHERE level = 3600'
    : 'SELECT time, rail, 1 AS seconds, meanMw, maxMw FROM power';
  const rows = database
    .prepare(
      `SELECT rail, CAST((time - ?) / ? AS INTEGER) AS part, SUM(seconds) AS seconds,
         SUM(meanMw * seconds) / SUM(seconds) AS meanMw, MAX(maxMw) AS maxMw
       FROM (${source}) WHERE time >= ? AND time <= ? GROUP BY rail, part ORDER BY part`,
    )
    .all(from, partMs, coarse ? from - hourMs : from, until) as Point[];
  const parts = Math.max(0, ...rows.map(({ part }) => part + 1));
  const latest = latestOf(database, until);
  const state = database
    .prepare('SELECT * FROM power_state WHERE time <= ? ORDER BY time DESC LIMIT 1')
    .get(until) as PowerFigures['state'] | undefined;
  return {
    time: latest.time,
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
