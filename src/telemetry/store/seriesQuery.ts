import type Database from 'better-sqlite3';
import { conditions } from './filter.js';
import { Group, sums, type StoredRollup, type SummedRow } from './group.js';
import { keptTimes } from './kept.js';
import { cut, type Piece } from './spans.js';

export interface SeriesRange {
  /** Milliseconds since 1970, inclusive. */
  readonly since: number;
  /** Exclusive. */
  readonly until: number;
  /** Length of a step, in ms; roll-ups serve where it is a multiple of their five minutes and `since` of it. */
  readonly stepMs: number;
}

/** Requests over time: one element a step in each list, `null` where nothing is known. */
export interface RequestSeries {
  readonly count: readonly number[];
  readonly errors: readonly number[];
  readonly outOfScope: readonly number[];
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
  readonly energyMj: readonly (number | null)[];
}

type Timed = { readonly time: number };

/** Reads requests step by step, from roll-ups where these fit into the steps. */
export function readRequestSeries(database: Database.Database, range: SeriesRange): RequestSeries {
  const { since, until, stepMs } = range;
  const groups = Array.from({ length: Math.ceil((until - since) / stepMs) }, () => new Group());
  const groupAt = (time: number): Group => groups[Math.floor((time - since) / stepMs)]!;
  database.transaction(() => {
    const kept = keptTimes(database);
    const fine = stepMs % 300_000 !== 0 || since % 300_000 !== 0;
    const pieces: Piece[] = fine ? [{ level: 'rows', from: since, to: until }] : cut(since, until, kept, 300);
    for (const piece of pieces) {
      if (piece.level === 'rows') for (const row of rowsOf(database, piece)) groupAt(row.time).addRow(row);
      else for (const rollup of rollupsOf(database, piece)) groupAt(rollup.time).addRollup(rollup);
    }
  })();
  return seriesOf(groups);
}

function rowsOf(database: Database.Database, { from, to }: Piece): Iterable<SummedRow & Timed> {
  const { where, values } = conditions({ since: from, until: to - 1 });
  return database
    .prepare(
      `SELECT time, tokens, energyMj, aboveIdleMj, error, queueUs, inferUs, totalUs, outOfScope
       FROM request WHERE ${where}`,
    )
    .iterate(...values) as Iterable<SummedRow & Timed>;
}

function rollupsOf(database: Database.Database, { level, from, to }: Piece): Iterable<StoredRollup & Timed> {
  return database
    .prepare(
      `SELECT start AS time, ${sums.join(', ')}, maxUs, latency FROM rollup
       WHERE dimension = 'all' AND level = ? AND start >= ? AND start < ?`,
    )
    .iterate(level, from, to) as Iterable<StoredRollup & Timed>;
}

function seriesOf(groups: readonly Group[]): RequestSeries {
  const quantile = (percent: number): (number | null)[] =>
    groups.map(({ latency, maxUs }) => {
      const us = latency.percentile(percent);
      return us === null ? null : Math.min(us, maxUs) / 1000;
    });
  return {
    count: groups.map(({ count }) => count),
    errors: groups.map(({ errors }) => errors),
    outOfScope: groups.map(({ outOfScope }) => outOfScope),
    p50Ms: quantile(50),
    p95Ms: quantile(95),
    p99Ms: quantile(99),
    energyMj: groups.map(({ measured, energyMj }) => (measured === 0 ? null : energyMj / measured)),
  };
}

/** Mean power by rail, step by step, in mW; `null` where nothing measured. */
export function readPowerSeries(
  database: Database.Database,
  { since, until, stepMs }: SeriesRange,
): Record<string, (number | null)[]> {
  const steps = Math.ceil((until - since) / stepMs);
  const points = database
    .prepare(
      `SELECT rail, CAST((time - ?) / ? AS INTEGER) AS step, AVG(meanMw) AS meanMw FROM power
       WHERE time >= ? AND time < ? GROUP BY rail, step`,
    )
    .all(since, stepMs, since, until) as { rail: string; step: number; meanMw: number }[];
  const rails: Record<string, (number | null)[]> = {};
  for (const { rail, step, meanMw } of points) {
    rails[rail] ??= Array.from({ length: steps }, () => null);
    rails[rail][step] = meanMw;
  }
  return rails;
}

/** Answers of each minute by intent; `null` is out of scope. */
export function readIntentsByMinute(
  database: Database.Database,
  since: number,
  until: number,
): { minute: number; intent: string | null; count: number }[] {
  return database
    .prepare(
      `SELECT CAST(time / 60000 AS INTEGER) AS minute, intent, COUNT(*) AS count FROM request
       WHERE time >= ? AND time < ? AND error IS NULL GROUP BY minute, intent`,
    )
    .all(since, until) as { minute: number; intent: string | null; count: number }[];
}
