import type { Command } from 'commander';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { openPublisher, withKeys, type KeyOptions } from './keyOptions.js';
import { withRollout, type RolloutOptions } from './rolloutOptions.js';

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
    .argument('<bundle>', 'folder of the bundle');
  withKeys(withRollout(add, 'canary'))
    .addHelpText('after', examples('intentd publish add fleet my-bundle -k keys -p passphrase'))
    .action(async (repository: string, bundle: string, options: KeyOptions & RolloutOptions) => {
      const { addRelease } = await import('../../update/index.js');
      const context = await openPublisher(repository, options);
      const { version, manifest } = await addRelease(context, bundle, options);
      io.print(
        `${version} (${manifest.slice(0, 12)}) is offered in ${options.channel} to ${options.share} %`,
      );
    });
}
