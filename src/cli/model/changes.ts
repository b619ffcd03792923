import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ModelChange } from '../../service/index.js';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';

interface ChangeOptions extends SettingOptions {
  readonly name?: string;
  readonly json?: true;
}

/** Commands that change what a running agent serves, without a request lost. */
export function addChanges(model: Command, io: Io): void {
  addLoad(model, io);
  addRollback(model, io);
  addDrop(model, io);
}

/** The part of a digest that tells bundles apart for people. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

function addLoad(model: Command, io: Io): void {
  const load = model
    .command('load')
    .summary('let a running agent serve a bundle or a head')
    .description(
      'Let a running agent serve a bundle, or a head on an encoder that serves, in place of the one of the ' +
        'same name, or beside the others. The ' +
        'agent copies it, checks it against its golden utterances, and keeps it over restarts.',
    )
    .argument('<bundle>', 'folder of the bundle or head, readable by the agent')
    .option('--name <name>', 'by which requests ask for it (default: its id)')
    .option('--json', 'print one JSON object');
  withSettings(load)
    .addHelpText(
      'after',
      examples('intentd model load my-bundle', 'intentd model load my-bundle --name home'),
    )
    .action(async (folder: string, { name, ...options }: ChangeOptions) => {
      const given = { folder: resolve(folder), ...(name === undefined ? {} : { name }) };
      tell(await askAgent(options, io, 'model.load', given), options, io);
    });
}

function addRollback(model: Command, io: Io): void {
  const rollback = model
    .command('rollback')
    .summary('let a running agent serve the bundle before')
    .description('Let a running agent serve the bundle that served under a name before the present one.')
    .argument('<name>', 'as intentd model list shows it')
    .option('--json', 'print one JSON object');
  withSettings(rollback)
    .addHelpText('after', examples('intentd model rollback clinc150-minilm-l6'))
    .action(async (name: string, options: ChangeOptions) => {
      tell(await askAgent(options, io, 'model.rollback', { name }), options, io);
    });
}

function addDrop(model: Command, io: Io): void {
  const drop = model
    .command('drop')
    .summary('let a running agent forget a loaded bundle')
    .description(
      'Let a running agent forget a bundle that was loaded into it. A configured one of the same name ' +
        'serves again.',
    )
    .argument('<name>', 'as intentd model list shows it')
    .option('--json', 'print one JSON object');
  withSettings(drop)
    .addHelpText('after', examples('intentd model drop home'))
    .action(async (name: string, options: ChangeOptions) => {
      const result = await askAgent(options, io, 'model.drop', { name });
      const now = result.now === null ? '' : `; the configured ${shortDigest(result.now)} serves again`;
      if (options.json === true) io.print(JSON.stringify(result, null, 2));
      else io.print(`${name} ${shortDigest(result.dropped)} is dropped${now}`);
    });
}

function tell(change: ModelChange, { json }: ChangeOptions, io: Io): void {
  const { name, version, digest, changed, previous } = change;
  if (json === true) {
    io.print(JSON.stringify(change, null, 2));
    return;
  }
  const before = previous === null ? '' : `, before it ${shortDigest(previous)}`;
  io.print(
    `${name} ${version} (${shortDigest(digest)}) ${changed ? `serves now${before}` : 'serves already'}`,
  );
}
