import type { Command } from 'commander';
import { positiveInteger } from '../arguments.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { table } from '../table.js';
import { openPublisher, withKeys, type KeyOptions } from './keyOptions.js';

interface ExpireOptions extends KeyOptions {
  readonly within: number;
  readonly json?: true;
}

/** `intentd publish expire REPOSITORY` */
export function addExpire(publish: Command, io: Io): void {
  const expire = publish
    .command('expire')
    .summary('renew what expires, and say when the rest does')
    .description(
      'Sign snapshot and timestamp again, and every other role that expires soon and whose keys are at ' +
        'hand. Run it from a timer, well within the lifetime of the timestamp. Exits with 1 where a role ' +
        'expires soon and its keys are not at hand.',
    )
    .argument('<repository>', 'folder of the repository')
    .option('--within <days>', 'renew what expires within so many days', positiveInteger, 30)
    .option('--json', 'print one JSON object');
  withKeys(expire)
    .addHelpText('after', examples('intentd publish expire fleet -k keys -p passphrase'))
    .action(async (repository: string, options: ExpireOptions) => {
      const update = await import('../../update/index.js');
      const roles = await update.expire(await openPublisher(repository, options), options.within);
      if (options.json === true) io.print(JSON.stringify({ roles }, null, 2));
      else {
        const rows = roles.map(({ role, expires, renewed, needsKeys }) => [
          role,
          expires,
          renewed ? 'renewed' : needsKeys ? 'needs its keys' : '',
        ]);
        for (const line of table(io, [{ title: 'role' }, { title: 'expires' }, { title: '' }], rows))
          io.print(line);
      }
      const waiting = roles.filter(({ needsKeys }) => needsKeys).map(({ role }) => role);
      if (waiting.length > 0) throw await keysNeeded(waiting);
    });
}

async function keysNeeded(roles: readonly string[]) {
  const { IntentdError } = await import('../../base/index.js');
  return new IntentdError('missing_key', `${roles.join(', ')} will expire, and the keys are not at hand.`);
}
