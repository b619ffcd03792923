import type { Command } from 'commander';
import { createLogger, logFormatFor, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import type { Daemon } from '../daemon.js';
import { examples } from './examples.js';
import type { Io } from './io.js';
import { giveMemoryBack, keepHeapSmall } from './runMemory.js';
import { configOf, withSettings, type SettingOptions } from './settings.js';
import { agentVersion } from './version.js';

interface RunOptions extends SettingOptions {
  readonly bundle?: string;
  readonly printConfig?: true;
}

/** `intentd run` */
export function addRun(program: Command, io: Io): void {
  const run = program
    .command('run')
    .summary('run the agent until it is told to stop')
    .description(
      'Run the agent: answer utterances that come over MQTT with their intents. Without a broker in the ' +
        'configuration it runs one of its own on this machine. Ends with SIGTERM or Ctrl-C.',
    )
    .option('--bundle <folder>', 'model bundle to serve (default: the one shipped with intentd)')
    .option('--print-config', 'print every setting with its value and where it came from, and exit');
  withSettings(run)
    .addHelpText(
      'after',
      examples(
        'intentd run',
        'intentd run --broker mqtt://broker.local --device kitchen',
        'INTENTD_REQUESTS_DEADLINE_MS=50 intentd run --print-config',
      ),
    )
    .action(async (options: RunOptions) => {
      keepHeapSmall();
      const loaded = await configOf(
        options,
        options.bundle === undefined ? {} : { 'model.bundles': options.bundle },
      );
      if (options.printConfig === true) {
        const { printConfig } = await import('../config/index.js');
        io.print((await printConfig(loaded)).trimEnd());
        return;
      }
      await runDaemon(loaded.config, io);
    });
}

async function runDaemon(config: Config, io: Io): Promise<void> {
  const [{ Daemon }, { stopSignal }] = await Promise.all([
    import('../daemon.js'),
    import('../service/index.js'),
  ]);
  const format = logFormatFor(process.env, process.stderr.isTTY);
  const log = await createLogger({ level: config.log.level, format });
  const daemon = new Daemon({ config, env: process.env, version: agentVersion(), log });
  const stopped = stopSignal();
  const early = await Promise.race([daemon.start(), stopped]);
  giveMemoryBack();
  if (early === undefined) sayReady(daemon, config, { io, log, format });
  log.info({ signal: await stopped }, 'stopping');
  await daemon.stop();
}

type Running = Pick<Daemon, 'brokerUrl' | 'dashboardUrl' | 'models'>;

function sayReady(
  daemon: Running,
  config: Config,
  { io, log, format }: { io: Io; log: Logger; format: string },
): void {
  if (format === 'pretty') for (const line of welcome(daemon, config)) io.note(line);
  else log.info({ broker: daemon.brokerUrl, models: daemon.models }, 'ready');
}

function welcome(daemon: Running, config: Config): string[] {
  const topic = `${config.broker.prefix}/${config.device}`;
  return [
    '',
    `Ready: ${daemon.models.join(', ')} answers at ${daemon.brokerUrl}.`,
    '',
    'In another terminal:',
    '  npx intentd ask "what is my checking account balance"',
    'or with any MQTT client:',
    `  mosquitto_sub -t ${topic}/response &`,
    `  mosquitto_pub -t ${topic}/request -m "what is my checking account balance"`,
    ...(daemon.dashboardUrl === undefined ? [] : ['', `Dashboard: ${daemon.dashboardUrl}`]),
    '',
    'Ctrl-C stops it.',
    '',
  ];
}
