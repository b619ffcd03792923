import type { Command } from 'commander';
import type { ControlResult } from '../../service/index.js';
import { askAgent } from '../agentCall.js';
import { positiveInteger } from '../arguments.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { table } from '../table.js';
import { stripControls, wrap } from '../text.js';
import { dateTime } from '../time.js';

interface HistoryOptions extends SettingOptions {
  readonly limit: number;
  readonly json?: true;
}

/** `intentd update history` */
export function addHistory(update: Command, io: Io): void {
  const history = update
    .command('history')
    .summary('show what became of earlier updates')
    .description('Show what became of earlier updates, the newest first, with what they failed at.')
    .option('-n, --limit <count>', 'at most so many', positiveInteger, 20)
    .option('--json', 'print one JSON array, with every figure of the gates');
  withSettings(history)
    .addHelpText('after', examples('intentd update history', 'intentd update history -n 1 --json'))
    .action(async ({ limit, ...options }: HistoryOptions) => {
      const { results } = await askAgent(options, io, 'update.history', { limit: Math.min(limit, 200) });
      if (options.json === true) {
        io.print(JSON.stringify(results, null, 2));
        return;
      }
      for (const line of historyLines(io, results)) io.print(line);
    });
}

type Past = Pick<
  ControlResult<'update.history'>['results'][number],
  'endedMs' | 'family' | 'version' | 'outcome' | 'by' | 'failure'
>;

/** A table of what became of updates, each with the whole reason below it where there is one. */
export function historyLines(io: Pick<Io, 'color' | 'columns'>, results: readonly Past[]): string[] {
  const columns = ['when', 'model', 'version', 'outcome', 'by'].map((title) => ({ title }));
  const rows = results.map(({ endedMs, family, version, outcome, by }) => [
    dateTime(endedMs),
    family ?? '–',
    version ?? '–',
    outcome,
    by,
  ]);
  const [titles, ...lines] = table(io, columns, rows);
  return [titles!, ...lines.flatMap((line, at) => [line, ...reasonLines(io, results[at]!.failure)])];
}

function reasonLines({ columns }: Pick<Io, 'columns'>, failure: Past['failure']): string[] {
  if (failure === null) return [];
  const indent = '  ';
  return wrap(stripControls(failure.message), columns - indent.length).map((part) => indent + part);
}
