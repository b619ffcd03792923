import type { Command } from 'commander';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { tellResults } from './describe.js';

/** `intentd update rollback` */
export function addRollback(update: Command, io: Io): void {
  const rollback = update
    .command('rollback')
    .summary('go back to the release before')
    .description(
      'Let a running agent serve the bundle before the present one again; no network is needed. The one that ' +
        'is taken back is not installed again by itself.',
    )
    .argument('[model]', 'its id (default: the default model)')
    .option('--json', 'print one JSON array');
  withSettings(rollback)
    .addHelpText('after', examples('intentd update rollback', 'intentd update rollback clinc150-minilm-l6'))
    .action(async (family: string | undefined, options: SettingOptions & { json?: true }) => {
      const given = family === undefined ? {} : { family };
      const { results } = await askAgent(options, io, 'update.rollback', given);
      tellResults(results, options.json === true, io);
    });
}
