import type { StoredRow } from '../telemetry/index.js';
import { percent } from './format.js';
import type { Io } from './io.js';
import { table, type Column } from './table.js';
import { clockTime, dateTime } from './time.js';

const columns: readonly Column[] = [
  { title: 'time' },
  { title: 'intent' },
  { title: 'confidence', align: 'right' },
  { title: 'queue ms', align: 'right' },
  { title: 'infer ms', align: 'right' },
  { title: 'total ms', align: 'right' },
  { title: 'mJ', align: 'right' },
];

/** Rows of the request log as lines of a table; with the day where not all are of today. */
export function requestTable(rows: readonly StoredRow[], io: Io): string[] {
  const today = dayOf(Date.now());
  const dated = rows.some(({ time }) => dayOf(time) !== today);
  return table(
    io,
    columns,
    rows.map((row) => cellsOf(row, dated)),
  );
}

/** Month and day here, as `11-24`. */
function dayOf(time: number): string {
  return dateTime(time).slice(5, 10);
}

function cellsOf(row: StoredRow, dated: boolean): string[] {
  const clock = clockTime(row.time);
  return [
    dated ? `${dayOf(row.time)} ${clock.slice(0, 8)}` : clock,
    row.error ?? row.intent ?? 'out of scope',
    row.confidence === null ? '–' : percent(row.confidence, 1),
    milliseconds(row.queueUs / 1000),
    milliseconds(row.inferUs / 1000),
    milliseconds(row.totalUs / 1000),
    energy(row.energyMj),
  ];
}

/** Milliseconds with the digits that mean something; `–` where there are none. */
export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  return value.toFixed(value < 10 ? 2 : 1);
}

/** Millijoules; `–` where nothing measured them. */
export function energy(millijoules: number | null): string {
  // Nothing above idle is no minus nothing.
  return millijoules === null ? '–' : millijoules.toFixed(2).replace(/^-(0\.00)$/, '$1');
}
