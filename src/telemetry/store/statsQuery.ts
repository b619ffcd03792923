import type Database from 'better-sqlite3';
import type { RequestFilter } from './filter.js';
import { Group, sums, type StoredRollup } from './group.js';
import { keptTimes, rangeOf } from './kept.js';
import { nameless } from './rollups.js';
import { RowSums, type Keyed } from './rowSums.js';
import { cut, startOf, type Dimension, type Piece } from './spans.js';

export type Grouping = 'intent' | 'model' | 'engine' | 'bucket' | 'hour';

/** Figures of a group of requests; latencies of the answered ones, in milliseconds, right to 1 %. */
export interface RequestStats {
  /** `null` where not grouped, or where the group has no name. */
  readonly group: string | null;
  readonly count: number;
  readonly errors: number;
  /** Share of the answered requests, 0 to 1; `null` where none was answered. */
  readonly outOfScope: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
  /** Mean of the measured ones, idle power included. */
  readonly energyMj: number | null;
  /** The same above the idle floor. */
  readonly aboveIdleMj: number | null;
  /** How many were measured. */
  readonly measured: number;
  /** Energy of the group over the time that was asked for; `null` where nothing was measured. */
  readonly meanW: number | null;
}

/** What is asked of roll-ups: along which dimension, and one name of it or all. */
interface Wanted {
  readonly dimension: Dimension;
  readonly where: string;
  readonly values: readonly string[];
}

/** Answers from roll-ups wherever they hold what is asked, and from rows at the edges. */
export class StatsQuery {
  readonly #database: Database.Database;
  readonly #groups = new Map<string | null, Group>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  run(filter: RequestFilter, by?: Grouping): RequestStats[] {
    return this.#database.transaction(() => this.#figures(filter, by))();
  }

  #figures(filter: RequestFilter, by?: Grouping): RequestStats[] {
    const kept = keptTimes(this.#database);
    const range = rangeOf(filter, kept);
    const wanted = wantedOf(filter, by);
    if (wanted === undefined) this.#addRows({ level: 'rows', ...range }, filter, by);
    else {
      for (const piece of cut(range.from, range.to, kept, by === 'hour' ? 3600 : 86_400)) {
        if (piece.level === 'rows') this.#addRows(piece, filter, by);
        else this.#addRollups(piece, wanted, by);
      }
    }
    if (by === undefined) this.#groupOf(null);
    const whole = { from: range.from, to: Math.min(range.to, kept.last) };
    const stats = [...this.#groups].map(([name, group]) =>
      figures(name, group, secondsOf(by === 'hour' ? hourOf(name!, whole) : whole)),
    );
    return by === 'hour'
      ? stats.sort((a, b) => (a.group ?? '').localeCompare(b.group ?? ''))
      : stats.sort((a, b) => b.count - a.count);
  }

  #addRollups({ level, from, to }: Piece, { dimension, where, values }: Wanted, by?: Grouping): void {
    const rollups = this.#database
      .prepare(
        `SELECT start AS time, name, ${sums.join(', ')}, maxUs, latency FROM rollup
         WHERE dimension = ? AND level = ? AND start >= ? AND start < ? AND ${where}`,
      )
      .iterate(dimension, level, from, to, ...values);
    for (const rollup of rollups as Iterable<StoredRollup & Keyed>) {
      this.#groupOf(nameOf(rollup, by)).addRollup(rollup);
    }
  }

  #addRows(piece: Piece, filter: RequestFilter, by?: Grouping): void {
    const keys = {
      name: by === undefined || by === 'hour' ? undefined : rowNames[by],
      time: by === 'hour' ? 'time / 3600000 * 3600000' : undefined,
    };
    const rows = new RowSums(this.#database, piece, filter, keys);
    for (const sums of rows.sums()) this.#groupOf(nameOf(sums, by)).addSums(sums);
    for (const [time, name, us] of rows.latencies()) {
      this.#groupOf(nameOf({ time, name }, by)).latency.record(us);
    }
  }

  #groupOf(name: string | null): Group {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = new Group();
      this.#groups.set(name, group);
    }
    return group;
  }
}

const rowNames: Readonly<Record<Exclude<Grouping, 'hour'>, string>> = {
  intent: 'intent',
  model: "model || ' ' || COALESCE(version, '')",
  engine: 'engine',
  bucket: 'CAST(bucket AS TEXT)',
};

/** The roll-ups that hold what is asked; `undefined` where only rows do. */
function wantedOf(filter: RequestFilter, by?: Grouping): Wanted | undefined {
  const { requestId, intent, model, errorsOnly, outOfScopeOnly } = filter;
  if (requestId !== undefined || errorsOnly === true || outOfScopeOnly === true) return undefined;
  const dimension = by === undefined || by === 'hour' ? undefined : by;
  if (intent === undefined && model === undefined) {
    return { dimension: dimension ?? 'all', where: '1', values: [] };
  }
  if (intent !== undefined && model !== undefined) return undefined;
  const along = intent === undefined ? 'model' : 'intent';
  if (dimension !== undefined && dimension !== along) return undefined;
  return intent === undefined
    ? { dimension: along, where: "substr(name, 1, length(?) + 1) = ? || ' '", values: [model!, model!] }
    : { dimension: along, where: 'name = ?', values: [intent] };
}

function nameOf({ name, time }: Keyed, by?: Grouping): string | null {
  if (by === 'hour') return `${new Date(startOf(3600, time)).toISOString().slice(0, 13)}:00Z`;
  return by === undefined || name === nameless ? null : name;
}

/** The hour of that name, as far as it lies in the range. */
function hourOf(name: string, { from, to }: { from: number; to: number }): { from: number; to: number } {
  const start = Date.parse(name);
  return { from: Math.max(start, from), to: Math.min(start + 3_600_000, to) };
}

/** A time shorter than a second is too short to speak of power. */
function secondsOf({ from, to }: { from: number; to: number }): number {
  return Math.max(1, (to - from) / 1000);
}

function figures(name: string | null, group: Group, seconds: number): RequestStats {
  const { count, errors, outOfScope, measured, energyMj, measuredAbove, aboveIdleMj, latency } = group;
  const answered = count - errors;
  const atMost = (percent: number): number | null => {
    const micros = latency.percentile(percent);
    return micros === null ? null : Math.min(micros, group.maxUs) / 1000;
  };
  return {
    group: name,
    count,
    errors,
    outOfScope: answered === 0 ? null : outOfScope / answered,
    p50Ms: atMost(50),
    p95Ms: atMost(95),
    p99Ms: atMost(99),
    p999Ms: atMost(99.9),
    maxMs: answered === 0 ? null : group.maxUs / 1000,
    energyMj: measured === 0 ? null : energyMj / measured,
    aboveIdleMj: measuredAbove === 0 ? null : aboveIdleMj / measuredAbove,
    measured,
    meanW: measured === 0 ? null : energyMj / 1000 / seconds,
  };
}
