import type { Command } from 'commander';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { table } from '../table.js';
import { shortDigest } from './changes.js';

/** `intentd model list` */
export function addList(model: Command, io: Io): void {
  const list = model
    .command('list')
    .summary('list the bundles that a running agent serves')
    .description('List the bundles that a running agent serves, and what a rollback would bring back.')
    .option('--json', 'print one JSON array');
  withSettings(list)
    .addHelpText('after', examples('intentd model list', 'intentd model list --json | jq ".[].name"'))
    .action(async (options: SettingOptions & { json?: true }) => {
      const { models } = await askAgent(options, io, 'model.list', {});
      if (options.json === true) {
        io.print(JSON.stringify(models, null, 2));
        return;
      }
      const rows = models.map((one) => [
        one.name,
        one.version,
        shortDigest(one.digest),
        one.default ? `${one.source}, default` : one.source,
        one.previous === null ? '–' : shortDigest(one.previous),
      ]);
      const titles = ['name', 'version', 'digest', 'source', 'previous'];
      for (const line of table(
        io,
        titles.map((title) => ({ title })),
        rows,
      ))
        io.print(line);
    });
}
