import type Database from 'better-sqlite3';
import { Histogram } from '../histogram.js';
import type { RequestRow } from '../row.js';
import { Group, sums } from './group.js';
import { levels, startOf, type Dimension } from './spans.js';

/** The name of groups without one: all together, or what has no intent, no engine, no bucket, no model. */
export const nameless = '';

/** Groups of one span of the finest level, by dimension and name. */
type Span = Readonly<Record<Dimension, Map<string, Group>>>;

/** Gathers the roll-ups of the rows of one commit, and writes them with it. */
export class Rollups {
  readonly #upsert: Database.Statement;
  readonly #spans = new Map<number, Span>();

  constructor(database: Database.Database) {
    const sum = new Histogram();
    database.function('add_histograms', { deterministic: true }, (one: unknown, other: unknown) => {
      sum.clear();
      sum.addEncoded(one as Uint8Array);
      sum.addEncoded(other as Uint8Array);
      return sum.encode();
    });
    const columns = ['dimension', 'level', 'start', 'name', ...sums, 'maxUs', 'latency'];
    this.#upsert = database.prepare(
      `INSERT INTO rollup (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
       ON CONFLICT DO UPDATE SET ${sums.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')},
         maxUs = MAX(maxUs, excluded.maxUs), latency = add_histograms(latency, excluded.latency)`,
    );
  }

  note(row: RequestRow): void {
    const span = this.#spanOf(row.time);
    groupOf(span.all, nameless).addRow(row);
    groupOf(span.intent, row.intent ?? nameless).addRow(row);
    groupOf(span.engine, row.engine ?? nameless).addRow(row);
    groupOf(span.bucket, row.bucket === null ? nameless : String(row.bucket)).addRow(row);
    groupOf(span.model, row.model === null ? nameless : `${row.model} ${row.version ?? ''}`).addRow(row);
  }

  /** Writes what was gathered, each group once for every level; yields between groups. */
  *write(): Generator<void> {
    for (const [start, span] of this.#spans) {
      for (const [dimension, groups] of Object.entries(span)) {
        for (const [name, group] of groups) {
          this.#writeGroup(dimension, start, name, group);
          yield;
        }
      }
    }
    this.#spans.clear();
  }

  /** Forgets what was gathered for a commit that failed. */
  forget(): void {
    this.#spans.clear();
  }

  #writeGroup(dimension: string, start: number, name: string, group: Group): void {
    const latency = group.latency.encode();
    const values = [...sums.map((column) => group[column]), group.maxUs, latency];
    for (const level of levels) this.#upsert.run(dimension, level, startOf(level, start), name, ...values);
  }

  #spanOf(time: number): Span {
    const start = startOf(levels[0], time);
    let span = this.#spans.get(start);
    if (span === undefined) {
      span = { all: new Map(), intent: new Map(), model: new Map(), engine: new Map(), bucket: new Map() };
      this.#spans.set(start, span);
    }
    return span;
  }
}

function groupOf(groups: Map<string, Group>, name: string): Group {
  let group = groups.get(name);
  if (group === undefined) {
    group = new Group();
    groups.set(name, group);
  }
  return group;
}
