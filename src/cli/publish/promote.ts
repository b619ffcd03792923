import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { IntentdError, messageOf } from '../../base/index.js';
import type { Channels, DeviceOutlook } from '../../update/index.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { table } from '../table.js';
import { agentVersion } from '../version.js';
import { openPublisher, withKeys, type KeyOptions } from './keyOptions.js';
import { withRollout, type RolloutOptions } from './rolloutOptions.js';

interface PromoteOptions extends KeyOptions, RolloutOptions {
  readonly dryRun?: string;
  readonly json?: true;
}

/** `intentd publish promote REPOSITORY FAMILY VERSION` */
export function addPromote(publish: Command, io: Io): void {
  const promote = publish
    .command('promote')
    .summary('offer a published version to more devices')
    .description(
      'Offer a published version in a channel, to a share of the devices: 1, then 10, then 100. Which ' +
        'devices they are follows from a hash of their ids; who had it at 1 % has it at 10 %.',
    )
    .argument('<repository>', 'folder of the repository')
    .argument('<family>', 'id of the bundle')
    .argument('<version>', 'its version')
    .option('--dry-run <file>', 'change nothing; say which devices of this list would take what')
    .option('--json', 'print one JSON object');
  withKeys(withRollout(promote, 'stable'))
    .addHelpText(
      'after',
      examples(
        'intentd publish promote fleet my-model 1.2.0 --share 10 -k keys -p passphrase',
        'intentd publish promote fleet my-model 1.2.0 --share 10 -k keys --dry-run ids',
      ),
    )
    .action(async (repository: string, family: string, version: string, options: PromoteOptions) => {
      const update = await import('../../update/index.js');
      const context = await openPublisher(repository, options, options.dryRun === undefined);
      if (options.dryRun !== undefined) {
        const channels = await update.previewPromotion(context, family, version, options);
        tell(
          await outlooks(options.dryRun, channels, { family, version, channel: options.channel }),
          options,
          io,
        );
        return;
      }
      await update.promote(context, family, version, options);
      const { channel, share } = options;
      if (options.json === true) {
        io.print(JSON.stringify({ family, version, channel, share }, null, 2));
        return;
      }
      io.print(
        share === 0
          ? `${family} ${version} is no longer offered in ${channel}`
          : `${family} ${version} is offered in ${channel} to ${share} %`,
      );
    });
}

async function outlooks(
  file: string,
  channels: { before: Channels; after: Channels },
  release: { family: string; version: string; channel: string },
): Promise<DeviceOutlook[]> {
  const { deviceKind, outlookOf, parseDevices } = await import('../../update/index.js');
  const defaults = { kind: deviceKind(), agent: agentVersion() };
  return parseDevices(await readList(file), defaults, file).map((device) =>
    outlookOf(device, channels, release),
  );
}

async function readList(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new IntentdError('usage', `The list of devices cannot be read: ${messageOf(cause)}.`, { cause });
  }
}

function tell(found: readonly DeviceOutlook[], { json }: PromoteOptions, io: Io): void {
  if (json === true) {
    io.print(JSON.stringify({ devices: found }, null, 2));
    return;
  }
  const columns = [
    { title: 'device' },
    { title: 'position', align: 'right' as const },
    { title: 'takes now' },
    { title: 'would take' },
  ];
  const rows = found.map(({ device, position, before, after }) => [
    device,
    `${position.toFixed(1)} %`,
    before ?? '-',
    after ?? '-',
  ]);
  for (const line of table(io, columns, rows)) io.print(line);
  const changed = found.filter(({ before, after }) => before !== after).length;
  io.print(`${changed} of ${found.length} devices would take another version`);
}
