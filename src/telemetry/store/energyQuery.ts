import type Database from 'better-sqlite3';
import type { EnergySecond } from './notes.js';
import { sourceFor } from './powerQuery.js';

/** Where the meter's energy went in a time. */
export interface EnergyFigures extends Omit<EnergySecond, 'time'> {
  /** Seconds that were kept. */
  readonly seconds: number;
}

const columns = 'meterMj, attributedMj, idleMj, unmeasuredMs';

/** Sums over seconds where they are kept for the whole range, else over hours; `null` where nothing was measured. */
export function readEnergy(
  database: Database.Database,
  { since, until }: { readonly since: number; readonly until: number },
): EnergyFigures | null {
  const { sql, stepMs } = sourceFor(database, since, { second: 'energy', span: 'energy_rollup', columns });
  const figures = database
    .prepare(
      `SELECT TOTAL(seconds) AS seconds, TOTAL(meterMj) AS meterMj, TOTAL(attributedMj) AS attributedMj,
         TOTAL(idleMj) AS idleMj, TOTAL(unmeasuredMs) AS unmeasuredMs
       FROM (${sql}) WHERE time > ? AND time <= ?`,
    )
    .get(since - stepMs, until) as EnergyFigures;
  return figures.seconds === 0 ? null : figures;
}
