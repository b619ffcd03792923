import type { Command } from 'commander';
import { positiveInteger } from '../arguments.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { progressOn } from '../progress.js';
import { configOf, withSettings, type SettingOptions } from '../settings.js';
import { styleFor } from '../style.js';
import { table } from '../table.js';
import { wrap } from '../text.js';
import type { DaemonFigures } from './daemonFigures.js';
import { measuredHere, type Measured } from './machineLine.js';

export interface BenchDaemonOptions extends SettingOptions {
  readonly prefix?: string;
  readonly pid?: number;
  readonly seconds: number;
  readonly json?: true;
}

/** `intentd bench daemon` */
export function addBenchDaemon(bench: Command, io: Io): void {
  const daemon = bench
    .command('daemon')
    .summary('measure an agent over MQTT')
    .description(
      'Measure an agent over real MQTT: latency one at a time, sustained throughput beside the bare ' +
        "engine's, three times the load it can serve, memory, start. With --broker a running agent; " +
        'otherwise one of its own, with an embedded broker, in this machine’s temporary folder.',
    )
    .option('--prefix <topic>', 'first part of the running agent’s topics')
    .option('--pid <pid>', 'process of the running agent on this machine, for its memory', positiveInteger)
    .option('--seconds <count>', 'how long the overload lasts', positiveInteger, 60)
    .option('--json', 'print every figure as one JSON object');
  withSettings(daemon)
    .addHelpText(
      'after',
      examples('intentd bench daemon', 'intentd bench daemon --broker mqtt://localhost --device kitchen'),
    )
    .action(async (options: BenchDaemonOptions) => {
      const measured = measuredHere();
      const figures = await measure(options, io);
      const { targetLines } = await import('./daemonTable.js');
      const lines = targetLines(figures);
      if (options.json === true) io.print(JSON.stringify({ measured, figures, lines }, null, 2));
      else for (const line of report(measured, figures, lines, io)) io.print(line);
    });
}

async function measure(options: BenchDaemonOptions, io: Io): Promise<DaemonFigures> {
  const prefix = options.prefix === undefined ? {} : { 'broker.prefix': options.prefix };
  const { config } = await configOf(options, prefix);
  const { measureOwnAgent, measureRunningAgent } = await import('./runs.js');
  const progress = progressOn(io, 'intentd bench daemon');
  const common = { config, seconds: options.seconds, progress };
  try {
    if (config.broker.url === undefined) return await measureOwnAgent(common, agentOptions(options));
    return await measureRunningAgent(common, config.broker.url, options.pid);
  } finally {
    progress.end();
  }
}

/** The settings of this command, for the agent that it starts. */
function agentOptions({ config, device, set = {} }: BenchDaemonOptions): string[] {
  return [
    ...(config === undefined ? [] : ['--config', config]),
    ...(device === undefined ? [] : ['--device', device]),
    ...Object.entries(set).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  ];
}

function report(
  measured: Measured,
  { model }: DaemonFigures,
  lines: readonly { what: string; target: string; figure: string; met: boolean | null }[],
  io: Io,
): string[] {
  const { dim } = styleFor(io);
  const { cores, date, intentd, loadBefore, machine, node, processor } = measured;
  const about =
    `${machine}: ${cores} cores of ${processor}, load before ${loadBefore}; intentd ${intentd}, ` +
    `Node.js ${node}, ${model ?? 'no model'}; ${date}`;
  const rows = lines.map(({ what, target, figure, met }) => [
    what,
    target,
    figure,
    met === null ? '–' : met ? 'yes' : 'NO',
  ]);
  const columns = [{ title: 'what' }, { title: 'target' }, { title: 'measured' }, { title: 'met' }];
  return [...wrap(about, io.columns).map(dim), '', ...table(io, columns, rows)];
}
