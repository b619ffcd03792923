import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type { RequestFilter, RequestLogReader, StoredRow } from '../telemetry/index.js';
import { positiveInteger } from './arguments.js';
import { csv } from './csv.js';
import { examples } from './examples.js';
import type { Io } from './io.js';
import { requestTable } from './requestTable.js';
import { stateDirOfAgent, withSettings, type SettingOptions } from './settings.js';
import { moment, type Moment } from './time.js';

interface LogOptions extends SettingOptions, FilterOptions {
  readonly limit: number;
  readonly follow?: true;
  readonly json?: true;
  readonly csv?: true;
}

/** Options that choose a time. */
export interface TimeOptions {
  readonly since?: Moment;
  readonly until?: Moment;
}

/** Options that choose requests of the log. */
export interface FilterOptions extends TimeOptions {
  readonly intent?: string;
  readonly model?: string;
  readonly id?: string;
  readonly errors?: true;
  readonly outOfScope?: true;
}

const followMs = 1000;

/** `intentd log` */
export function addLog(program: Command, io: Io): void {
  const log = program
    .command('log')
    .summary('show the requests that were answered')
    .description(
      'Show the requests of the log, the newest last. The agent writes the log every few seconds; what a ' +
        'request said is in it only if log.text asks for it.',
    )
    .option('-n, --limit <count>', 'how many of the newest to show', positiveInteger, 20)
    .option('-f, --follow', 'go on and show new ones as they are written')
    .option('--json', 'print one JSON object a line')
    .addOption(new Option('--csv', 'print comma-separated values with a line of names').conflicts('json'));
  withSettings(withFilter(log))
    .addHelpText(
      'after',
      examples(
        'intentd log --since 1h --errors',
        'intentd log --follow',
        'intentd log -n 1000 --csv > log.csv',
      ),
    )
    .action(async (options: LogOptions) => {
      const reader = await openReader(options);
      try {
        await show(reader, options, io);
      } finally {
        reader.close();
      }
    });
}

/** Adds the options of {@link FilterOptions}. */
export function withFilter(command: Command): Command {
  return withTimes(command)
    .option('--intent <name>', 'answered with this intent')
    .option('--model <id>', 'answered by this bundle')
    .option('--id <id>', 'of this request id')
    .option('--errors', 'not answered')
    .option('--out-of-scope', 'out of scope');
}

/** Adds `--since` and `--until`. */
export function withTimes(command: Command): Command {
  return command
    .option('--since <time>', 'from then on: 15m, 2h, 7d (ago), or 2026-11-23T10:00', moment)
    .option('--until <time>', 'until then', moment);
}

/** The log of the configured state directory. */
export async function openReader(options: SettingOptions): Promise<RequestLogReader> {
  const [stateDir, { RequestLogReader, requestLogPath }] = await Promise.all([
    stateDirOfAgent(options),
    import('../telemetry/index.js'),
  ]);
  return new RequestLogReader(requestLogPath(stateDir));
}

/** @param now milliseconds since 1970: what "ago" counts from */
export function filterOf(options: FilterOptions, now = Date.now()): RequestFilter {
  return {
    since: options.since?.(now),
    until: options.until?.(now),
    intent: options.intent,
    model: options.model,
    requestId: options.id,
    errorsOnly: options.errors,
    outOfScopeOnly: options.outOfScope,
  };
}

async function show(reader: RequestLogReader, options: LogOptions, io: Io): Promise<void> {
  const filter = filterOf(options);
  let rows = reader.newest(filter, options.limit);
  let last = rows.at(-1)?.id ?? 0;
  if (rows.length === 0 && isText(options) && options.follow !== true) {
    io.print(nothingFound(options));
    return;
  }
  let headed = print(rows, options, io, false);
  while (options.follow === true) {
    await sleep(followMs);
    rows = reader.after(last, filter);
    last = rows.at(-1)?.id ?? last;
    if (rows.length > 0) headed = print(rows, options, io, headed);
  }
}

function isText({ csv, json }: LogOptions): boolean {
  return csv !== true && json !== true;
}

function nothingFound(options: LogOptions): string {
  const asked = Object.values(filterOf(options)).some((value) => value !== undefined);
  return asked
    ? 'No request that is kept is like that.'
    : 'No request is kept yet: send one with intentd ask.';
}

/** @returns whether the line of names was printed */
function print(rows: readonly StoredRow[], options: LogOptions, io: Io, headed: boolean): boolean {
  if (options.json === true) {
    for (const row of rows) io.print(JSON.stringify(row));
    return true;
  }
  if (options.csv === true && rows.length === 0) return headed;
  const names = Object.keys(rows[0] ?? {}) as (keyof StoredRow)[];
  const lines = options.csv === true ? csv(names, rows) : requestTable(rows, io);
  for (const line of lines.slice(headed ? 1 : 0)) io.print(line);
  return true;
}
