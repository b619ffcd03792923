import { resolve } from 'node:path';
import type { Command } from 'commander';
import { IntentdError } from '../../base/index.js';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { describeStatus } from './describe.js';

interface CheckOptions extends SettingOptions {
  readonly from?: string;
  readonly json?: true;
}

/** `intentd update check` */
export function addCheck(update: Command, io: Io): void {
  const check = update
    .command('check')
    .summary('look for updates, and install nothing')
    .description('Have a running agent look for updates at once. Nothing is installed.')
    .option('--from <folder>', 'repository in a folder, such as a USB stick, instead of the configured one')
    .option('--json', 'print one JSON object');
  withSettings(check)
    .addHelpText('after', examples('intentd update check', 'intentd update check --from /media/stick/fleet'))
    .action(async ({ from, ...options }: CheckOptions) => {
      const given = from === undefined ? {} : { from: resolve(from) };
      const found = await askAgent(options, io, 'update.check', given);
      if (options.json === true) io.print(JSON.stringify(found, null, 2));
      else for (const line of describeStatus(found, io)) io.print(line);
      if (found.failure !== null && found.phase === 'idle') {
        throw new IntentdError(found.failure.code, found.failure.message);
      }
    });
}
