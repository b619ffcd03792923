import type { Command } from 'commander';
import { readRegularFile } from '../../base/index.js';
import type { HuggingFacePlan, SparsityPlan } from '../../model/index.js';
import { shareUpTo } from '../arguments.js';
import { examples } from '../examples.js';
import { percent } from '../format.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';
import { listing, table } from '../table.js';
import { stageProgress } from './stageProgress.js';

interface PlanOptions {
  readonly target: number;
  readonly calibrate?: string;
  readonly sensitivities?: string;
  readonly json?: true;
}

/** `intentd model plan HF_DIR` */
export function addPlan(model: Command, io: Io): void {
  model
    .command('plan')
    .summary('say which layers of a BERT would become sparse')
    .description(
      'Say which linear layers of a Hugging Face BERT would become 2:4 sparse: feed-forward layers first, ' +
        'then attention outputs, then value projections, each by what pruning it costs; query and key never. ' +
        'Nothing is written.',
    )
    .argument('<folder>', 'checkpoint of Hugging Face form: config.json, model.safetensors, tokenizer.json')
    .option('--target <share>', 'of the linear weights to be zero', shareUpTo(0.5), 0.4)
    .option('--calibrate <file>', 'utterances to measure sensitivity on (default: a built-in set)')
    .option(
      '--sensitivities <file>',
      'JSON of layer names and what pruning each costs, measured elsewhere: nothing is run then',
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples('intentd model plan ./my-bert', 'intentd model plan ./my-bert --target 0.333 --json'),
    )
    .action(async (folder: string, options: PlanOptions) => {
      const plan = await makePlan(folder, options, io);
      if (options.json) io.print(JSON.stringify(plan, null, 2));
      else for (const line of describe(plan, io)) io.print(line);
    });
}

async function makePlan(
  folder: string,
  { target, calibrate, sensitivities }: PlanOptions,
  io: Io,
): Promise<HuggingFacePlan> {
  const { planHuggingFace, readCalibration } = await import('../../model/index.js');
  if (sensitivities !== undefined) {
    return planHuggingFace(folder, { target, sensitivities: await readSensitivities(sensitivities) });
  }
  const { openMultiplication } = await import('../../engine/index.js');
  const utterances = calibrate === undefined ? {} : { utterances: await readCalibration(calibrate) };
  const products = await openMultiplication();
  const progress = stageProgress(io);
  try {
    return await planHuggingFace(
      folder,
      { target, ...utterances, multiply: products.multiply },
      progress.update,
    );
  } finally {
    progress.end();
    await products.close();
  }
}

/** @throws IntentdError `bad_sensitivities`, `bad_file` */
export async function readSensitivities(file: string): Promise<Record<string, number>> {
  const { parseSensitivities } = await import('../../model/index.js');
  const bytes = await readRegularFile(file, { maxBytes: 1 << 20 });
  return parseSensitivities(new TextDecoder().decode(bytes), file);
}

function describe({ architecture, plan, sensitivities, utterances }: HuggingFacePlan, io: Io): string[] {
  const measured =
    utterances === undefined
      ? 'given'
      : `measured on ${utterances.calibration} ${utterances.source} utterances`;
  const rows = plan.layers.map((name) => [name, sensitivities[name]?.toPrecision(3) ?? '']);
  return [
    styleFor(io).bold(`${percent(plan.achieved)} of the linear weights zero in ${plan.pattern}`),
    ...listing(io, [
      [
        'encoder',
        `${architecture.layers} layers, hidden ${architecture.hidden}, feed-forward ${architecture.feedForward}`,
      ],
      ['target', percent(plan.target)],
      ['sensitivity', measured],
      ...groupLines(plan),
    ]),
    '',
    ...table(io, [{ title: 'layer' }, { title: 'sensitivity', align: 'right' }], rows),
  ];
}

const groupNames = {
  feedForward: 'feed-forward',
  attentionOutput: 'attention output',
  value: 'value projections',
} as const;

/** How much of each group a plan takes. */
export function groupLines({ groups }: SparsityPlan): [string, string][] {
  return groups.map(({ name, taken, available }) => [groupNames[name], `${taken} of ${available}`]);
}
