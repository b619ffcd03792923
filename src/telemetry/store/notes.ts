import type Database from 'better-sqlite3';
import type { MeterInfo, PowerState } from '../meter/index.js';
import { startOf } from './spans.js';

/** Power of the rails over one second; the rail `total` is what requests are measured by. */
export interface PowerSecond {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly rails: readonly { readonly rail: string; readonly meanMw: number; readonly maxMw: number }[];
}

/** Where the meter's energy went in one second. */
export interface EnergySecond {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** By the meter's own readings. */
  readonly meterMj: number;
  /** What batches drew: those of requests, and those by which engines are checked. */
  readonly attributedMj: number;
  /** What was drawn while no batch ran. */
  readonly idleMj: number;
  /** Time in which the meter said nothing. */
  readonly unmeasuredMs: number;
}

/** What is kept beside requests. */
export type Note =
  | ({ readonly table: 'energy' } & EnergySecond)
  | ({ readonly table: 'power' } & PowerSecond)
  | ({ readonly table: 'power_state'; readonly time: number } & PowerState)
  | ({ readonly table: 'meter'; readonly sampleMs: number } & Pick<
      MeterInfo,
      'kind' | 'device' | 'covers' | 'total' | 'rails'
    >)
  | {
      readonly table: 'engine_build';
      readonly time: number;
      readonly engine: string;
      readonly outcome: string;
      readonly seconds: number | null;
      readonly detail: unknown;
    }
  | {
      readonly table: 'update_event';
      readonly time: number;
      readonly phase: string;
      readonly version: string | null;
      readonly detail: unknown;
    }
  | { readonly table: 'event'; readonly time: number; readonly kind: string; readonly detail: unknown };

const powerLevels = [3600, 86_400] as const;

/** Writes notes into the tables they are for. */
export class NoteWriter {
  readonly #statements = new Map<string, Database.Statement>();
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  write(note: Note): void {
    if (note.table === 'power') {
      for (const rail of note.rails) this.#writePower(note.time, rail);
      return;
    }
    if (note.table === 'energy') this.#rollUpEnergy(note);
    const { table, ...values } = note;
    const names = Object.keys(values);
    this.#run(
      `INSERT OR REPLACE INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      Object.values(values).map(storable),
    );
  }

  #writePower(time: number, { rail, meanMw, maxMw }: PowerSecond['rails'][number]): void {
    this.#run('INSERT OR REPLACE INTO power VALUES (?, ?, ?, ?)', [time, rail, meanMw, maxMw]);
    for (const level of powerLevels) {
      this.#run(
        `INSERT INTO power_rollup VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET
           meanMw = (meanMw * seconds + excluded.meanMw) / (seconds + 1), seconds = seconds + 1,
           maxMw = MAX(maxMw, excluded.maxMw)`,
        [level, startOf(level, time), rail, meanMw, maxMw],
      );
    }
  }

  #rollUpEnergy({ time, meterMj, attributedMj, idleMj, unmeasuredMs }: EnergySecond): void {
    for (const level of powerLevels) {
      this.#run(
        `INSERT INTO energy_rollup VALUES (?, ?, 1, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
           seconds = seconds + 1, meterMj = meterMj + excluded.meterMj,
           attributedMj = attributedMj + excluded.attributedMj, idleMj = idleMj + excluded.idleMj,
           unmeasuredMs = unmeasuredMs + excluded.unmeasuredMs`,
        [level, startOf(level, time), meterMj, attributedMj, idleMj, unmeasuredMs],
      );
    }
  }

  #run(sql: string, values: readonly unknown[]): void {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    statement.run(...values);
  }
}

function storable(value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}
