import { resolve } from 'node:path';
import type { Command } from 'commander';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { tellResults } from './describe.js';

interface InstallOptions extends SettingOptions {
  readonly from?: string;
  readonly downgrade?: true;
  readonly force?: true;
  readonly wait?: true;
  readonly json?: true;
}

/** `intentd update install` */
export function addInstall(update: Command, io: Io): void {
  const install = update
    .command('install')
    .summary('install the newest release, or one that is named')
    .description(
      'Have a running agent install the newest release of a model: it is fetched, verified, built, held to its ' +
        'gates beside what serves, and swapped in without a request lost. Returns when it serves on trial; if ' +
        'it fails there the model before it serves again. An encoder that is new sees copies of real requests ' +
        'first, for five minutes unless update.gates.shadow.seconds says otherwise.',
    )
    .argument('[model]', 'its id (default: every model that is kept up to date)')
    .argument('[version]', 'this release instead of the newest')
    .option('--from <folder>', 'repository in a folder, such as a USB stick, instead of the configured one')
    .option('--downgrade', 'take a release that is older than what serves')
    .option('--force', 'take a release that failed before')
    .option('--wait', 'return only when the trial is over')
    .option('--json', 'print one JSON array');
  withSettings(install)
    .addHelpText(
      'after',
      examples(
        'intentd update install',
        'intentd update install --from /media/stick/fleet --wait',
        'intentd update install clinc150-minilm-l6 1.0.0 --downgrade',
      ),
    )
    .action(async (family: string | undefined, version: string | undefined, options: InstallOptions) => {
      const { from, downgrade = false, force = false, wait = false } = options;
      const given = {
        ...(family === undefined ? {} : { family }),
        ...(version === undefined ? {} : { version }),
        ...(from === undefined ? {} : { from: resolve(from) }),
        ...{ downgrade, force, wait },
      };
      const { results } = await askAgent(options, io, 'update.install', given);
      tellResults(results, options.json === true, io);
    });
}
