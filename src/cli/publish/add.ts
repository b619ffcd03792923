import type { Command } from 'commander';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { openPublisher, withKeys, type KeyOptions } from './keyOptions.js';
import { withRollout, type RolloutOptions } from './rolloutOptions.js';

interface AddOptions extends KeyOptions, RolloutOptions {
  readonly json?: true;
}

/** `intentd publish add REPOSITORY BUNDLE` */
export function addAdd(publish: Command, io: Io): void {
  const add = publish
    .command('add')
    .summary('put a bundle into the repository')
    .description(
      'Check a bundle, put it into the repository and offer it in a channel. A family (the bundle’s id) ' +
        'gets a key of its own with its first bundle. Files that are there already are not stored again.',
    )
    .argument('<repository>', 'folder of the repository')
    .argument('<bundle>', 'folder of the bundle')
    .option('--json', 'print one JSON object');
  withKeys(withRollout(add, 'canary'))
    .addHelpText('after', examples('intentd publish add fleet my-bundle -k keys -p passphrase'))
    .action(async (repository: string, bundle: string, options: AddOptions) => {
      const { addRelease } = await import('../../update/index.js');
      const context = await openPublisher(repository, options);
      const { family, version, manifest } = await addRelease(context, bundle, options);
      const { channel, share } = options;
      io.print(
        options.json === true
          ? JSON.stringify({ family, version, manifest, channel, share }, null, 2)
          : `${family} ${version} (${manifest.slice(0, 12)}) is offered in ${channel} to ${share} %`,
      );
    });
}
