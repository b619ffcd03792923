import type { Command } from 'commander';
import { askAgent } from '../agentCall.js';
import { positiveInteger } from '../arguments.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { table } from '../table.js';
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
      const rows = results.map(({ endedMs, family, version, outcome, by, failure }) => [
        dateTime(endedMs),
        family ?? '–',
        version ?? '–',
        outcome,
        by,
        failure?.message ?? '',
      ]);
      const titles = ['when', 'model', 'version', 'outcome', 'by', 'reason'];
      for (const line of table(
        io,
        titles.map((title) => ({ title })),
        rows,
      )) {
        io.print(line);
      }
    });
}
