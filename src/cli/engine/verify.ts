import type { Command } from 'commander';
import { IntentdError, messageOf } from '../../base/index.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { configOf, withSettings, type SettingOptions } from '../settings.js';

interface Verified {
  readonly key: string;
  readonly intact: boolean;
  readonly reason?: string;
}

/** `intentd engine verify` */
export function addVerify(engine: Command, io: Io): void {
  const verify = engine
    .command('verify')
    .summary('check that cached engines are as this device built them')
    .description(
      'Check every cached TensorRT engine against its authentication code. Exits with 1 where one is not as ' +
        'this device built it; the agent never loads such a one and builds it again.',
    )
    .option('--json', 'print one JSON array of {key, intact, reason?}');
  withSettings(verify)
    .addHelpText('after', examples('intentd engine verify', 'intentd engine verify --json'))
    .action(async (options: SettingOptions & { json?: true }) => {
      const found = await verifyAll(options);
      if (options.json === true) io.print(JSON.stringify(found, null, 2));
      else for (const { key, reason } of found) io.print(`${key}  ${reason ?? 'intact'}`);
      const bad = found.filter(({ intact }) => !intact).length;
      if (bad > 0) throw new IntentdError('bad_engine', `${bad} of ${found.length} engines are not intact.`);
    });
}

async function verifyAll(options: SettingOptions): Promise<Verified[]> {
  const [{ config }, { EngineCache }] = await Promise.all([
    configOf(options),
    import('../../engine/index.js'),
  ]);
  const cache = new EngineCache(config.stateDir);
  const verified: Verified[] = [];
  for (const key of await cache.list()) {
    try {
      await cache.verify(key);
      verified.push({ key, intact: true });
    } catch (error) {
      verified.push({ key, intact: false, reason: messageOf(error) });
    }
  }
  return verified;
}
