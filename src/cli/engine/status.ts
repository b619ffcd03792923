import type { Command } from 'commander';
import type { EngineStatus } from '../../service/index.js';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';
import { styleFor } from '../style.js';
import { listing } from '../table.js';

/** `intentd engine status` */
export function addStatus(engine: Command, io: Io): void {
  const status = engine
    .command('status')
    .summary('show what the engine workers hold and how they are')
    .description(
      'Show the engines of a running agent: the worker that holds each encoder, in which form it ' +
        'computes, the heads on it, its memory, its restarts, and the requests in flight.',
    )
    .option('--json', 'print one JSON object');
  withSettings(status)
    .addHelpText('after', examples('intentd engine status', 'intentd engine status --json | jq .state'))
    .action(async (options: SettingOptions & { json?: true }) => {
      const found = await askAgent(options, io, 'engine.status', {});
      if (options.json === true) io.print(JSON.stringify(found, null, 2));
      else for (const line of describe(found, io)) io.print(line);
    });
}

function describe({ agent, state, engines, building }: EngineStatus, io: Io): string[] {
  const { bold, good, bad } = styleFor(io);
  const mark = state === 'online' ? good : state === 'degraded' ? bad : bold;
  const lines = [`${bold('intentd')} ${agent}: ${mark(state)}`];
  const build =
    building === null ? [] : [`being built: ${building.step}, ${building.percent} %${etaOf(building)}`];
  return [...lines, ...build, ...engines.flatMap((engine) => ['', ...listing(io, entriesOf(engine))])];
}

function etaOf({ etaSeconds }: NonNullable<EngineStatus['building']>): string {
  return etaSeconds === null ? '' : `, about ${etaSeconds} s to go`;
}

function entriesOf(engine: EngineStatus['engines'][number]): [string, string][] {
  const { kind, version, precision, form, worker, residentMib } = engine;
  return [
    ['generation', `${engine.generation}, ${engine.state}`],
    ['worker', worker === null ? 'none at the moment' : `process ${worker}`],
    ['engine', `${kind} ${version}, ${precision}, ${form}`],
    ...(engine.key === null ? [] : [['key', engine.key] satisfies [string, string]]),
    ['encoder', engine.encoder],
    ...engine.heads.map((head): [string, string] => ['head', `${head.name} ${head.version}`]),
    ['memory', residentMib === null ? 'not known yet' : `${residentMib} MiB`],
    ['restarts', String(engine.restarts)],
    ['in flight', String(engine.inFlight)],
  ];
}
