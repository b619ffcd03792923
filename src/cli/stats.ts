import { Option, type Command } from 'commander';
import type { Grouping, RequestStats } from '../telemetry/index.js';
import { examples } from './examples.js';
import { percent } from './format.js';
import type { Io } from './io.js';
import { filterOf, openReader, withFilter, type FilterOptions } from './log.js';
import { energy, milliseconds } from './requestTable.js';
import { withSettings, type SettingOptions } from './settings.js';
import { table } from './table.js';

interface StatsOptions extends SettingOptions, FilterOptions {
  readonly by?: Grouping;
  readonly json?: true;
}

const groupings = ['intent', 'model', 'engine', 'bucket', 'hour'] as const satisfies readonly Grouping[];

/** `intentd stats` */
export function addStats(program: Command, io: Io): void {
  const stats = program
    .command('stats')
    .summary('count the answered requests and their latencies')
    .description(
      'Figures of the request log: how many requests, how many failed, the share out of scope, and the ' +
        'latency of the answered ones from their arrival to their answer.',
    )
    .addOption(new Option('--by <what>', 'figures for each of these').choices([...groupings]))
    .option('--json', 'print one JSON array');
  withSettings(withFilter(stats))
    .addHelpText(
      'after',
      examples('intentd stats --since 1d', 'intentd stats --by intent', 'intentd stats --by hour --json'),
    )
    .action(async (options: StatsOptions) => {
      const reader = await openReader(options);
      try {
        const groups = reader.stats(filterOf(options), options.by);
        if (options.json === true) io.print(JSON.stringify(groups, null, 2));
        else for (const line of statsTable(groups, options.by, io)) io.print(line);
      } finally {
        reader.close();
      }
    });
}

function statsTable(groups: readonly RequestStats[], by: Grouping | undefined, io: Io): string[] {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    ...(by === undefined ? [] : [{ title: by }]),
    right('count'),
    right('errors'),
    right('out of scope'),
    right('p50 ms'),
    right('p95 ms'),
    right('p99 ms'),
    right('max ms'),
    right('mJ'),
  ];
  const rows = groups.map((group) => [
    ...(by === undefined ? [] : [group.group ?? '–']),
    String(group.count),
    String(group.errors),
    group.outOfScope === null ? '–' : percent(group.outOfScope, 1),
    milliseconds(group.p50Ms),
    milliseconds(group.p95Ms),
    milliseconds(group.p99Ms),
    milliseconds(group.maxMs),
    energy(group.energyMj),
  ]);
  return table(io, columns, rows);
}
