import { join } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { Lifetimes, KeyCount } from '../../update/index.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { openPublisher, withKeys, type KeyOptions } from './keyOptions.js';

interface InitCommandOptions extends KeyOptions {
  readonly json?: true;
  readonly signers?: Readonly<Record<string, KeyCount>>;
  readonly lifetime?: Partial<Lifetimes>;
}

const one: KeyCount = { keys: 1, threshold: 1 };
const roles = ['root', 'targets', 'snapshot', 'timestamp'];

/** `intentd publish init REPOSITORY` */
export function addInit(publish: Command, io: Io): void {
  const init = publish
    .command('init')
    .summary('make keys and an empty repository')
    .description(
      'Make keys (ed25519, encrypted) and an empty repository that any static file server can serve. Root ' +
        'keys are needed again only to replace keys and to renew the root metadata: keep them offline.',
    )
    .argument('<repository>', 'folder of the repository')
    .option(
      '--signers <role=m/n>',
      'm of n keys must sign for a role, e.g. root=2/3; may be repeated (default: root=1/2, others 1/1)',
      signers,
    )
    .option('--lifetime <role=days>', 'how long a role’s metadata is good; may be repeated', lifetime)
    .option('--json', 'print one JSON object');
  withKeys(init)
    .addHelpText(
      'after',
      examples('intentd publish init fleet -k keys -r /media/usb1 -r /media/usb2 -p passphrase'),
    )
    .action(async (folder: string, options: InitCommandOptions) => {
      const { defaultLifetimes, initRepository } = await import('../../update/index.js');
      const context = await openPublisher(folder, options);
      const given = options.signers ?? {};
      await initRepository(context, {
        roles: {
          root: given['root'] ?? { keys: 2, threshold: 1 },
          targets: given['targets'] ?? one,
          snapshot: given['snapshot'] ?? one,
          timestamp: given['timestamp'] ?? one,
        },
        lifetimes: { ...defaultLifetimes, ...options.lifetime },
      });
      const root = join(folder, 'metadata', '1.root.json');
      io.print(
        options.json === true
          ? JSON.stringify({ repository: folder, root }, null, 2)
          : `${folder} is a repository now. Devices trust it through ${root}`,
      );
    });
}

/** Reads `root=2/3`. */
export function signers(
  text: string,
  previous: Readonly<Record<string, KeyCount>> = {},
): Readonly<Record<string, KeyCount>> {
  const found = /^([a-z]+)=([1-9]\d?)\/([1-9]\d?)$/.exec(text);
  if (found === null || !roles.includes(found[1]!)) {
    throw new InvalidArgumentError('Expected ROLE=M/N such as root=2/3.');
  }
  return { ...previous, [found[1]!]: { threshold: Number(found[2]), keys: Number(found[3]) } };
}

function lifetime(text: string, previous: Partial<Lifetimes> = {}): Partial<Lifetimes> {
  const found = /^([a-z]+)=([1-9]\d{0,3})$/.exec(text);
  if (found === null || !roles.includes(found[1]!)) {
    throw new InvalidArgumentError('Expected ROLE=DAYS such as timestamp=7.');
  }
  return { ...previous, [found[1]!]: Number(found[2]) };
}
