import { setTimeout as sleep } from 'node:timers/promises';
import { Option, type Command } from 'commander';
import type {
  EnergyFigures,
  Grouping,
  RequestFilter,
  RequestLogReader,
  RequestStats,
} from '../telemetry/index.js';
import { csv } from './csv.js';
import { examples } from './examples.js';
import type { Io } from './io.js';
import { filterOf, openReader, withFilter, type FilterOptions } from './log.js';
import { withSettings, type SettingOptions } from './settings.js';
import { groupTable, wholeListing } from './statsText.js';
import { styleFor } from './style.js';
import { clockTime } from './time.js';

interface StatsOptions extends SettingOptions, FilterOptions {
  readonly by?: Grouping;
  readonly follow?: true;
  readonly json?: true;
  readonly csv?: true;
}

const groupings = ['intent', 'model', 'engine', 'bucket', 'hour'] as const satisfies readonly Grouping[];
/** As often as the agent writes. */
const followMs = 5000;

const csvNames: readonly (keyof RequestStats)[] = [
  'group',
  'count',
  'errors',
  'outOfScope',
  'p50Ms',
  'p95Ms',
  'p99Ms',
  'p999Ms',
  'maxMs',
  'energyMj',
  'aboveIdleMj',
  'measured',
  'meanW',
];

/** `intentd stats` */
export function addStats(program: Command, io: Io): void {
  const stats = program
    .command('stats')
    .summary('what the requests came to: counts, latencies, energy')
    .description(
      'Figures of the request log: how many requests, how many failed, the share out of scope, the latency ' +
        'of the answered ones from their arrival to their answer, and what they cost. Percentiles are right ' +
        'to 1 %. Whole hours and days are told long after their rows are gone.',
    )
    .addOption(new Option('--by <what>', 'figures for each of these').choices([...groupings]))
    .option('-f, --follow', 'print them again every five seconds')
    .option('--json', 'print one JSON array; with --follow one a line')
    .option('--csv', 'print comma-separated values with a line of names');
  withSettings(withFilter(stats))
    .addHelpText(
      'after',
      examples('intentd stats --since 1d', 'intentd stats --by intent', 'intentd stats --by hour --csv'),
    )
    .action(async (options: StatsOptions) => {
      const reader = await openReader(options);
      try {
        show(reader, options, io);
        while (options.follow === true) {
          await sleep(followMs);
          show(reader, options, io);
        }
      } finally {
        reader.close();
      }
    });
}

function show(reader: RequestLogReader, options: StatsOptions, io: Io): void {
  const { by, follow } = options;
  const filter = filterOf(options);
  const groups = reader.stats(filter, by);
  if (options.json === true) {
    io.print(JSON.stringify(groups, null, follow === true ? undefined : 2));
    return;
  }
  if (options.csv === true) {
    for (const line of csv(csvNames, groups)) io.print(line);
    return;
  }
  if (follow === true) io.print(styleFor(io).bold(clockTime(Date.now()).slice(0, 8)));
  const meters = reader.meters();
  const lines =
    by === undefined
      ? wholeListing(groups[0]!, { meters, energy: energyOf(reader, filter) }, io)
      : groupTable(groups, by, meters, io);
  for (const line of lines) io.print(line);
}

/** Where the meter's energy went; `null` where some requests alone are asked for, whose energy is not the meter's. */
function energyOf(
  reader: RequestLogReader,
  { since = 0, until = Date.now(), ...some }: RequestFilter,
): EnergyFigures | null {
  const ofAll = Object.values(some).every((value) => value === undefined);
  return ofAll ? reader.energy({ since, until }) : null;
}
