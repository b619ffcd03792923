import type Database from 'better-sqlite3';
import type { RequestFilter } from './filter.js';
import { levels, startOf, type RollupTimes } from './spans.js';

/** From when on there is what, in milliseconds since 1970. */
export interface Kept extends RollupTimes {
  /** Of the first and behind the last request that is known of at all. */
  readonly first: number;
  readonly last: number;
  /** `Infinity` where there are no rows. */
  readonly rowsSince: number;
}

export function keptTimes(database: Database.Database): Kept {
  const one = (sql: string, ...values: unknown[]): number | null =>
    database
      .prepare(sql)
      .pluck()
      .get(...values) as number | null;
  const startSql = (which: 'MIN' | 'MAX') =>
    `SELECT ${which}(start) FROM rollup WHERE dimension = 'all' AND level = ?`;
  const [minutes, hours, days] = levels.map((level) => one(startSql('MIN'), level) ?? Infinity) as [
    number,
    number,
    number,
  ];
  const lastRow = one('SELECT MAX(time) FROM request');
  const lastSpanEnd = levels
    .map((level) => (one(startSql('MAX'), level) ?? NaN) + level * 1000)
    .find((end) => !Number.isNaN(end));
  const rowsSince = one('SELECT MIN(time) FROM request') ?? Infinity;
  // The day of the first request begins before it: a finer level knows better, if it reaches as far back.
  const firstHour = hours < days + 86_400_000 ? hours : days;
  const firstSpan = minutes < firstHour + 3_600_000 ? minutes : firstHour;
  const first = Math.min(rowsSince, firstSpan);
  return {
    first: Number.isFinite(first) ? first : 0,
    last: lastRow === null ? (lastSpanEnd ?? 0) : lastRow + 1,
    rowsSince,
    levelSince: { 300: minutes, 3600: hours, 86_400: days },
    rollupsSince: one('SELECT time FROM rollup_since') ?? 0,
  };
}

/**
 * The time that is asked for, cut to what there is. Where rows, or finer spans, are not kept any more, its
 * ends are moved out to whole spans of what is.
 */
export function rangeOf({ since, until }: RequestFilter, kept: Kept): { from: number; to: number } {
  const from = Math.max(since ?? 0, kept.first);
  const to = until === undefined || until >= kept.last ? kept.last : until + 1;
  const end = startOf(300, to - 1) + 300_000;
  return { from: outwards(from, kept, 0), to: to === kept.last ? end : outwards(to, kept, 1) };
}

function outwards(time: number, { rowsSince, levelSince }: Kept, up: 0 | 1): number {
  if (time >= rowsSince) return time;
  const level = levels.find((each) => time >= levelSince[each]) ?? levels[2];
  const start = startOf(level, time);
  return start === time ? time : start + up * level * 1000;
}
