import type { EnergyFigures, Grouping, RequestStats, StoredMeter } from '../telemetry/index.js';
import { bar } from './bars.js';
import { energyText } from './energyText.js';
import { percent } from './format.js';
import type { Io } from './io.js';
import { meterLine } from './meterLine.js';
import { energy, milliseconds } from './requestTable.js';
import { listing, table, type Column } from './table.js';
import { displayWidth, wrap } from './text.js';

const barColumns = 12;
const leastBarColumns = 4;
const gapColumns = 2;

/** The figures of all requests together, a line each. */
export function wholeListing(
  stats: RequestStats,
  { meters, energy: metered }: { meters: readonly StoredMeter[]; energy: EnergyFigures | null },
  io: Io,
): string[] {
  const { p50Ms, p95Ms, p99Ms, p999Ms, maxMs } = stats;
  const latencies = [
    ['p50', p50Ms],
    ['p95', p95Ms],
    ['p99', p99Ms],
    ['p99.9', p999Ms],
    ['max', maxMs],
  ] as const;
  return listing(io, [
    ['requests', String(stats.count)],
    ['errors', String(stats.errors)],
    ['out of scope', share(stats.outOfScope)],
    ['latency ms', latencies.map(([name, value]) => `${name} ${milliseconds(value)}`).join('  ')],
    ...energyEntries(stats),
    ...meteredEntries(metered),
    ...meterEntries(stats, meters),
  ]);
}

function energyEntries(stats: RequestStats): [string, string][] {
  const { aboveIdleMj, count, energyMj, meanW, measured } = stats;
  if (energyMj === null) return [['energy', 'not measured']];
  const above = aboveIdleMj === null ? '' : `, ${energy(aboveIdleMj)} mJ of it above idle`;
  const of = measured === count ? '' : ` (${measured} measured)`;
  return [
    ['energy', `${energy(energyMj)} mJ a request${above}${of}`],
    ['power', `${watts(meanW)} W: all their energy over the whole time`],
  ];
}

/** All that the meter saw in the time: what went to batches, and what was idle. */
function meteredEntries(metered: EnergyFigures | null): [string, string][] {
  return energyText(metered).map((text) => ['all energy', text]);
}

function meterEntries({ energyMj }: RequestStats, meters: readonly StoredMeter[]): [string, string][] {
  return energyMj === null ? [] : meters.map((meter): [string, string] => ['meter', meterLine(meter)]);
}

/** The figures of each group, a line each; columns of nothing are left out, and a bar takes the room that is left. */
export function groupTable(
  groups: readonly RequestStats[],
  by: Grouping,
  meters: readonly StoredMeter[],
  io: Io,
): string[] {
  const measured = groups.some(({ energyMj }) => energyMj !== null);
  const failed = groups.some(({ errors }) => errors > 0);
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns: Column[] = [
    { title: by },
    right('count'),
    ...(failed ? [right('errors')] : []),
    ...(by === 'intent' ? [] : [{ ...right('oos'), spare: true }]),
    ...['p50 ms', 'p95', 'p99'].map(right),
    { ...right('p99.9'), spare: true },
    ...(measured ? [right('mJ'), right('W')] : []),
  ];
  const rows = groups.map((group) => [
    nameOf(group, by),
    String(group.count),
    ...(failed ? [String(group.errors)] : []),
    ...(by === 'intent' ? [] : [share(group.outOfScope)]),
    ...[group.p50Ms, group.p95Ms, group.p99Ms, group.p999Ms].map(milliseconds),
    ...(measured ? [energy(group.energyMj), watts(group.meanW)] : []),
  ]);
  const about = measured ? meters.flatMap((meter) => wrap(`mJ and W ${meterLine(meter)}`, io.columns)) : [];
  return [...withBars(table(io, columns, rows), groups, io), ...about];
}

/** Beside each line of a table how many requests it stands for, where there is room. */
function withBars(
  [head = '', ...lines]: readonly string[],
  groups: readonly RequestStats[],
  io: Io,
): string[] {
  const used = Math.max(0, ...lines.map(displayWidth));
  const room = Math.min(barColumns, io.columns - used - gapColumns);
  if (room < leastBarColumns) return [head, ...lines];
  const most = Math.max(1, ...groups.map(({ count }) => count));
  const space = (line: string): string => ' '.repeat(used + gapColumns - displayWidth(line));
  return [head, ...lines.map((line, at) => line + space(line) + bar(groups[at]!.count / most, room))];
}

/** An hour as `11-24 10:00` UTC: the year would take the room of a figure. */
function nameOf({ group }: RequestStats, by: Grouping): string {
  if (group === null) return by === 'intent' ? '(none)' : '–';
  return by === 'hour' ? group.slice(5, 16).replace('T', ' ') : group;
}

function share(value: number | null): string {
  return value === null ? '–' : percent(value, 1);
}

function watts(value: number | null): string {
  if (value === null) return '–';
  if (value < 0.1) return value.toPrecision(2);
  return value.toFixed(value < 10 ? 3 : 1);
}
