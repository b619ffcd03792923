import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { KeyCount } from '../../update/index.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { openPublisher, withKeys, type KeyOptions } from './keyOptions.js';

interface RotateOptions extends KeyOptions {
  readonly signers?: KeyCount;
  readonly json?: true;
}

/** `intentd publish rotate REPOSITORY ROLE` */
export function addRotate(publish: Command, io: Io): void {
  const rotate = publish
    .command('rotate')
    .summary('replace the keys of a role')
    .description(
      'Replace the keys of root, targets, snapshot or timestamp (needs the root keys), or of a family, ' +
        'model-<id> (needs the targets keys). Devices follow by themselves. The old keys’ files are removed.',
    )
    .argument('<repository>', 'folder of the repository')
    .argument('<role>', 'whose keys: root, targets, snapshot, timestamp or model-<id>')
    .option('--signers <m/n>', 'from now on m of n keys must sign (default: as before)', count)
    .option('--json', 'print one JSON object');
  withKeys(rotate)
    .addHelpText(
      'after',
      examples('intentd publish rotate fleet timestamp -k keys -r /media/usb -p passphrase'),
    )
    .action(async (repository: string, role: string, options: RotateOptions) => {
      const update = await import('../../update/index.js');
      await update.rotate(await openPublisher(repository, options), role, options.signers);
      io.print(options.json === true ? JSON.stringify({ role }, null, 2) : `${role} has new keys`);
    });
}

function count(text: string): KeyCount {
  const found = /^([1-9]\d?)\/([1-9]\d?)$/.exec(text);
  if (found === null) throw new InvalidArgumentError('Expected M/N such as 2/3.');
  return { threshold: Number(found[1]), keys: Number(found[2]) };
}
