import type { Command } from 'commander';
import { IntentdError } from '../../base/index.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { configOf, withSettings, type SettingOptions } from '../settings.js';
import { styleFor } from '../style.js';
import { wrap } from '../text.js';
import type { Finding } from './finding.js';

/** `intentd doctor` */
export function addDoctor(program: Command, io: Io): void {
  const doctor = program
    .command('doctor')
    .summary('check what the agent needs on this machine')
    .description(
      'Check what the agent needs on this machine: each line is ok, a warning or a failure, with what to ' +
        'do about it. Exits with 1 where something fails.',
    )
    .option('--json', 'print one JSON array of {check, level, found, advice?}');
  withSettings(doctor)
    .addHelpText('after', examples('intentd doctor', 'intentd doctor --broker mqtts://broker.local --json'))
    .action(async (options: SettingOptions & { json?: true }) => {
      const findings = await examine(options);
      if (options.json === true) io.print(JSON.stringify(findings, null, 2));
      else for (const finding of findings) for (const line of linesOf(finding, io)) io.print(line);
      const failed = findings.filter(({ level }) => level === 'failure').length;
      if (failed > 0) {
        throw new IntentdError('unhealthy', `${failed} of ${findings.length} checks failed.`);
      }
    });
}

async function examine(options: SettingOptions): Promise<Finding[]> {
  const [machine, service, { host }, power, { bundleFolder }] = await Promise.all([
    import('./machine.js'),
    import('./service.js'),
    import('./host.js'),
    import('./power.js'),
    import('../../daemon.js'),
  ]);
  const { config } = await configOf(options);
  const state = machine.stateDirectory(config.stateDir);
  return [
    await host(),
    machine.nodeVersion(),
    state,
    ...(state.level === 'ok' ? [machine.diskSpace(config.stateDir)] : []),
    machine.memory(),
    ...(await Promise.all(config.model.bundles.map((folder) => service.bundle(bundleFolder(folder))))),
    ...(await service.brokerAndAgent(config)),
    service.requestLog(config),
    machine.workerIsolation(),
    machine.gpu(),
    await power.meter(config),
    ...(await power.powerState(config)),
  ];
}

function linesOf({ check, level, found, advice }: Finding, io: Io): string[] {
  const { good, bold, bad } = styleFor(io);
  const mark = { ok: good('ok     '), warning: bold('warning'), failure: bad('failure') }[level];
  const indent = ' '.repeat(9);
  const width = io.columns - indent.length;
  const [first = '', ...rest] = wrap(`${check}: ${found}`, width);
  const more = advice === undefined ? [] : wrap(`→ ${advice}`, width);
  return [`${mark}  ${first}`, ...[...rest, ...more].map((line) => indent + line)];
}
