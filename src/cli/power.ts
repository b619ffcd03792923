import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { PowerFigures, PowerRow, RequestLogReader } from '../telemetry/index.js';
import { sparkline } from './bars.js';
import { csvLine } from './csv.js';
import { energyText } from './energyText.js';
import { examples } from './examples.js';
import type { Io } from './io.js';
import { openReader, withTimes, type TimeOptions } from './log.js';
import { meterLine, whyUnmeasured } from './meterLine.js';
import { withSettings, type SettingOptions } from './settings.js';
import { table } from './table.js';
import { clockTime } from './time.js';
import { wrap } from './text.js';

interface PowerOptions extends SettingOptions, TimeOptions {
  readonly follow?: true;
  readonly json?: true;
  readonly csv?: true;
}

const defaultMs = 15 * 60_000;
const followMs = 1000;
/** Means of a rail on its line. */
const points = 30;
/** Rows read at once: three days of seconds need not be held together. */
const pageRows = 10_000;

/** `intentd power` */
export function addPower(program: Command, io: Io): void {
  const power = program
    .command('power')
    .summary('show what the rails draw, now and over time')
    .description(
      'Show the power of every rail of the meter: the last second, mean and highest of a time (the last 15 ' +
        'minutes where none is given), and its course. Seconds are kept for three days, hours for 90.',
    )
    .option('-f, --follow', 'print every second as it is written')
    .option('--json', 'print one JSON object; with --follow one a line')
    .option('--csv', 'print a line of comma-separated values for every second, or hour');
  withSettings(withTimes(power))
    .addHelpText(
      'after',
      examples('intentd power', 'intentd power --follow', 'intentd power --since 1d --csv > power.csv'),
    )
    .action(async (options: PowerOptions) => {
      const reader = await openReader(options);
      try {
        if (options.follow === true) await follow(reader, options, io);
        else if (options.csv === true) printRows(reader, rangeOf(options), options, io, []);
        else show(reader, options, io);
      } finally {
        reader.close();
      }
    });
}

function rangeOf({ since, until }: TimeOptions, now = Date.now()): { since: number; until: number } {
  const end = until?.(now) ?? now;
  return { since: since?.(now) ?? end - defaultMs, until: end };
}

function show(reader: RequestLogReader, options: PowerOptions, io: Io): void {
  const range = rangeOf(options);
  const figures = reader.power({ ...range, points });
  const energy = reader.energy(range);
  if (options.json === true) {
    io.print(JSON.stringify({ ...figures, energy, meters: reader.meters() }, null, 2));
    return;
  }
  if (figures.rails.length === 0) {
    for (const line of wrap(`No power was measured then: ${whyUnmeasured(reader)}.`, io.columns))
      io.print(line);
    return;
  }
  for (const line of railTable(figures, io)) io.print(line);
  const about = [
    ...energyText(energy).map((text) => `energy: ${text}`),
    ...reader.meters().map(meterLine),
    ...stateLine(figures),
  ];
  for (const line of about.flatMap((text) => wrap(text, io.columns))) io.print(line);
}

function railTable({ rails, partMs }: PowerFigures, io: Io): string[] {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'rail' },
    right('now W'),
    right('mean W'),
    right('max W'),
    { title: each(partMs) },
  ];
  const rows = rails.map(({ rail, latestMw, meanMw, maxMw, overTime }) => [
    rail,
    watts(latestMw),
    watts(meanMw),
    watts(maxMw),
    sparkline(overTime),
  ]);
  return table(io, columns, rows);
}

function each(partMs: number): string {
  const seconds = Math.round(partMs / 1000);
  if (seconds < 120) return `each ${seconds} s`;
  return seconds < 7200 ? `each ${Math.round(seconds / 60)} min` : `each ${Math.round(seconds / 3600)} h`;
}

/** Clock, temperature, throttling and power mode, what of them is known. */
function stateLine({ state }: PowerFigures): string[] {
  const of = (name: string) => state?.[name] ?? null;
  const parts = [
    of('cpuMhz') === null ? '' : `processor at ${of('cpuMhz')} MHz`,
    of('gpuMhz') === null ? '' : `GPU at ${of('gpuMhz')} MHz`,
    of('temperatureC') === null ? '' : `${Number(of('temperatureC')).toFixed(1)} °C`,
    of('throttled') === 1 ? 'throttled' : '',
    Number(of('throttleEvents')) > 0 ? `held back ${of('throttleEvents')} times since it was started` : '',
    of('powerMode') === null ? '' : `power mode ${of('powerMode')}`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? [] : [parts.join(', ')];
}

/** Prints what is written from now on, or from `--since` on, until it is stopped or `--until` is reached. */
async function follow(reader: RequestLogReader, options: PowerOptions, io: Io): Promise<void> {
  const { since } = rangeOf({ ...options, since: options.since ?? ((now) => now - followMs) });
  let [next, header]: [number, readonly string[]] = [since, []];
  for (;;) {
    const until = options.until?.(Date.now()) ?? Number.MAX_SAFE_INTEGER;
    ({ next, header } = printRows(reader, { since: next, until }, options, io, header));
    if (until < Date.now()) return;
    await sleep(followMs);
  }
}

/**
 * Prints every second, or hour, of a range; the names again where the rails change.
 *
 * @param header the names that stand above what was printed before
 * @returns where to go on
 */
function printRows(
  reader: RequestLogReader,
  range: { readonly since: number; readonly until: number },
  options: PowerOptions,
  io: Io,
  header: readonly string[],
): { next: number; header: readonly string[] } {
  let next = range.since;
  for (let page = [undefined] as readonly (PowerRow | undefined)[]; page.length > 0;) {
    const rows = reader.powerRows({ ...range, since: next, limit: pageRows });
    for (const row of rows) {
      const names = [...row.meanMw.keys()];
      const isNew = names.join() !== header.join();
      for (const line of rowLines(row, isNew, options, io)) io.print(line);
      header = names;
    }
    const last = rows.at(-1);
    if (last !== undefined) next = last.time + last.spanMs;
    page = rows;
  }
  return { next, header };
}

function rowLines(row: PowerRow, named: boolean, options: PowerOptions, io: Io): string[] {
  const { time, seconds, meanMw } = row;
  if (options.json === true) {
    return [JSON.stringify({ time, seconds, meanMw: Object.fromEntries(meanMw) })];
  }
  const names = [...meanMw.keys()];
  const cells = [...meanMw.values()].map(watts);
  if (options.csv === true) {
    const titles = csvLine(['time', 'seconds', ...names.map((name) => `${name} W`)]);
    return [...(named ? [titles] : []), csvLine([new Date(time).toISOString(), seconds, ...cells])];
  }
  const columns = names.map((name) => ({ title: `${name} W`, align: 'right' as const }));
  return table(
    io,
    [{ title: 'time', align: 'right' }, ...columns],
    [[clockTime(time).slice(0, 8), ...cells]],
  ).slice(named ? 0 : 1);
}

function watts(milliwatts: number): string {
  return (milliwatts / 1000).toFixed(milliwatts < 9995 ? 3 : 2);
}
