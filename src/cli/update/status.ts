import type { Command } from 'commander';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { describeStatus } from './describe.js';

/** `intentd update status` */
export function addStatus(update: Command, io: Io): void {
  const status = update
    .command('status')
    .summary('show what is installed, what is offered, and what is under way')
    .description(
      'Show what a running agent has installed and what was offered when it last looked, the update that is ' +
        'under way, and what is not taken again because it failed.',
    )
    .option('--json', 'print one JSON object');
  withSettings(status)
    .addHelpText('after', examples('intentd update status', 'intentd update status --json | jq .models'))
    .action(async (options: SettingOptions & { json?: true }) => {
      const found = await askAgent(options, io, 'update.status', {});
      if (options.json === true) io.print(JSON.stringify(found, null, 2));
      else for (const line of describeStatus(found, io)) io.print(line);
    });
}
