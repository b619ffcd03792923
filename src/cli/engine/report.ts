import type { Command } from 'commander';
import { IntentdError } from '../../base/index.js';
import type { BucketFigures, CandidateReport, EngineReport } from '../../engine/index.js';
import { examples } from '../examples.js';
import { bytes, percent } from '../format.js';
import type { Io } from '../io.js';
import { configOf, withSettings, type SettingOptions } from '../settings.js';
import { styleFor } from '../style.js';
import { listing, table } from '../table.js';

/** `intentd engine report [KEY]` */
export function addReport(engine: Command, io: Io): void {
  const report = engine
    .command('report')
    .summary('show how a TensorRT engine was built and chosen')
    .description(
      'Show how a TensorRT engine was built and chosen: versions, build time, sizes, how many products run ' +
        'sparse, golden accuracy, and latency and energy of every candidate in every shape. No agent has to run.',
    )
    .argument('[key]', 'key of the engine, or how it begins; the newest if absent')
    .option('--json', 'print the whole report as JSON, layer by layer');
  withSettings(report)
    .addHelpText('after', examples('intentd engine report', 'intentd engine report --json | jq .choice'))
    .action(async (key: string | undefined, options: SettingOptions & { json?: true }) => {
      const found = await readReport(key, options);
      if (options.json === true) io.print(JSON.stringify(found, null, 2));
      else for (const line of describe(found, io)) io.print(line);
    });
}

async function readReport(key: string | undefined, options: SettingOptions): Promise<EngineReport> {
  const [{ config }, { EngineCache }] = await Promise.all([
    configOf(options),
    import('../../engine/index.js'),
  ]);
  const cache = new EngineCache(config.stateDir);
  const chosen = (await cache.list()).find((one) => one.startsWith(key ?? ''));
  if (chosen === undefined) {
    const what = key === undefined ? 'No engine was' : `No engine ${key}… was`;
    throw new IntentdError('no_engine', `${what} built in ${config.stateDir} yet.`);
  }
  return cache.verify(chosen);
}

function describe(report: EngineReport, io: Io): string[] {
  const { bold } = styleFor(io);
  const { parts, choice, candidates } = report;
  return [
    bold(`${choice.name}, ${parts.settings.attention} attention`),
    ...listing(io, [
      ['key', report.key],
      ['built', `${report.builtAt}, in ${(report.totalMs / 1000).toFixed(0)} s`],
      ['TensorRT', `${parts.tensorrt}, driver ${parts.driver}, ${parts.gpu} (sm_${parts.sm})`],
      ['chosen', choice.reason],
      ['builder', `${bytes(report.workspaceBytes)} of workspace, ${report.peakResidentMib} MiB at most`],
      ['CPU engine', `golden ${shareOf(report.cpuInScopeAccuracy)}`],
    ]),
    ...candidates.flatMap((candidate) => ['', bold(candidate.name), ...listing(io, entriesOf(candidate))]),
    '',
    ...figuresTable(candidates, io),
  ];
}

function entriesOf(candidate: CandidateReport): [string, string][] {
  const { golden, planned, products } = candidate;
  const dense = planned.filter(({ sparse }) => !sparse.some(Boolean)).map(({ name }) => name);
  return [
    ['plan', `${bytes(candidate.planBytes)}, ${bytes(candidate.deviceBytes)} on the device`],
    ['built in', `${(candidate.buildMs / 1000).toFixed(1)} s, loaded in ${candidate.loadMs.toFixed(0)} ms`],
    ['products', `${products.sparse} of ${products.all} run sparse`],
    ...(dense.length === 0 ? [] : [['2:4 yet dense', dense.join(', ')] satisfies [string, string]]),
    [
      'golden',
      golden === null
        ? 'none'
        : `${shareOf(golden.inScopeAccuracy)}, as the CPU engine ${percent(golden.agreement)}`,
    ],
  ];
}

function figuresTable(candidates: readonly CandidateReport[], io: Io): string[] {
  const columns = [
    { title: 'shape' },
    ...candidates.map(({ name }) => ({ title: `${name} p50/p99 µs, mJ`, align: 'right' as const })),
  ];
  const rows = (candidates[0]?.buckets ?? []).map(({ batch, sequence }, at) => [
    `${batch}x${sequence}`,
    ...candidates.map(({ buckets }) => figureOf(buckets[at]!)),
  ]);
  return table(io, columns, rows);
}

function figureOf({ p50Us, p99Us, energyMj }: BucketFigures): string {
  return `${p50Us.toFixed(0)}/${p99Us.toFixed(0)}, ${energyMj === null ? '–' : energyMj.toFixed(2)}`;
}

function shareOf(share: number | null): string {
  return share === null ? 'nothing in scope' : percent(share);
}
