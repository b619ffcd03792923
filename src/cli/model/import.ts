import type { Command } from 'commander';
import type { ImportOptions, ImportReport } from '../../model/index.js';
import { shareUpTo } from '../arguments.js';
import { examples } from '../examples.js';
import { percent } from '../format.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';
import { listing, table } from '../table.js';
import { wrap } from '../text.js';
import { groupLines, readSensitivities } from './plan.js';
import { stageProgress } from './stageProgress.js';

interface ImportArguments {
  readonly out: string;
  readonly labels?: string;
  readonly calibrate?: string;
  readonly target: number;
  readonly sensitivities?: string;
  readonly id?: string;
  readonly modelVersion?: string;
  readonly json?: true;
}

/** `intentd model import HF_DIR --out BUNDLE` */
export function addImport(model: Command, io: Io): void {
  model
    .command('import')
    .summary('make a bundle of a Hugging Face BERT classifier')
    .description(
      'Make a bundle of a Hugging Face BERT classifier, without training: prune it by plan, quantize it to ' +
        'INT8 calibrated on utterances, and say what that cost. Give some hundreds of your own utterances, ' +
        'with their intents, and some that are out of scope: they also set the confidence and the threshold.',
    )
    .argument('<folder>', 'checkpoint of Hugging Face form: config.json, model.safetensors, tokenizer.json')
    .requiredOption('--out <bundle>', 'folder to make; it must not exist, or be empty')
    .option('--labels <file>', "names of the classifier's outputs, one a line or JSON (default: id2label)")
    .option(
      '--calibrate <file>',
      'utterances: one a line, JSON lines {"text", "intent"}, or the form that evaluate reads',
    )
    .option('--target <share>', 'of the linear weights to be zero, 0 for none', shareUpTo(0.5), 0.4)
    .option('--sensitivities <file>', 'JSON of layer names and what pruning each costs, as plan takes it')
    .option('--id <id>', "the bundle's id (default: the folder's name)")
    .option('--model-version <version>', "the bundle's version (default: 1.0.0)")
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'intentd model import ./my-bert --out models/my-bert --calibrate mine.jsonl',
        'intentd model import ./my-bert --labels names.txt --out B --target 0.333',
      ),
    )
    .action(async (folder: string, options: ImportArguments) => {
      const report = await importModel(folder, options, io);
      if (options.json) io.print(JSON.stringify(report, null, 2));
      else for (const line of describe(report, io)) io.print(line);
    });
}

async function importModel(folder: string, options: ImportArguments, io: Io): Promise<ImportReport> {
  const { importHuggingFace } = await import('../../model/index.js');
  const { openMultiplication } = await import('../../engine/index.js');
  const { fitTemperature, fitThreshold } = await import('../../decision/index.js');
  const asked = await readArguments(options);
  const products = await openMultiplication();
  const progress = stageProgress(io);
  try {
    const fits = { fitTemperature, fitThreshold };
    return await importHuggingFace(folder, { ...asked, fits, multiply: products.multiply }, progress.update);
  } finally {
    progress.end();
    await products.close();
  }
}

async function readArguments(options: ImportArguments): Promise<ImportOptions> {
  const { readCalibration, readLabelsFile } = await import('../../model/index.js');
  const { out, target, labels, calibrate, sensitivities, id, modelVersion } = options;
  return {
    out,
    target,
    ...(labels === undefined ? {} : { labels: await readLabelsFile(labels) }),
    ...(calibrate === undefined ? {} : { utterances: await readCalibration(calibrate) }),
    ...(sensitivities === undefined ? {} : { sensitivities: await readSensitivities(sensitivities) }),
    ...(id === undefined ? {} : { id }),
    ...(modelVersion === undefined ? {} : { version: modelVersion }),
  };
}

function describe(report: ImportReport, io: Io): string[] {
  const { plan, utterances: used, golden } = report;
  const { bold } = styleFor(io);
  return [
    bold(`${report.id} is in ${report.out}`),
    ...listing(io, [
      ['sparsity', `${percent(plan.achieved)} of the linear weights zero in ${plan.pattern}`],
      ...groupLines(plan),
      ['calibrated on', `${used.calibration} ${used.source} utterances`],
      ['measured on', `${used.heldOut} others`],
      ['golden', `${golden.utterances} utterances, ${percent(golden.accuracy)} right`],
    ]),
    '',
    ...stages(report, io),
    '',
    ...wrap(lost(report), io.columns),
    ...report.notes.flatMap((note) =>
      wrap(note, io.columns - 2).map((line, at) => (at === 0 ? '· ' : '  ') + line),
    ),
  ];
}

function stages({ stages: all, utterances: { labelled } }: ImportReport, io: Io): string[] {
  const columns = [
    { title: 'stage' },
    { title: 'embedding cosine', align: 'right' },
    { title: 'same answer', align: 'right' },
    ...(labelled ? ([{ title: 'accuracy', align: 'right' }] as const) : []),
  ] as const;
  const rows = all.map(({ stage, embeddingCosine, agreement, accuracy }) => [
    stage,
    embeddingCosine.toFixed(4),
    percent(agreement),
    accuracy === undefined ? '' : percent(accuracy),
  ]);
  return table(io, columns, rows);
}

/** The honest word on what pruning and INT8 cost. */
function lost({ stages: all, utterances: { heldOut } }: ImportReport): string {
  const before = all.find(({ stage }) => stage === 'dense');
  const after = all.find(({ stage }) => stage === 'int8');
  if (before?.accuracy === undefined || after?.accuracy === undefined) {
    const changed = percent(1 - (after?.agreement ?? 1));
    return `Pruning and INT8 changed ${changed} of the answers to ${heldOut} utterances; without labels nobody knows how many for the worse. Training with pruning in place would lose less.`;
  }
  const points = ((before.accuracy - after.accuracy) * 100).toFixed(2);
  return `Pruning and INT8 took ${points} points of accuracy on ${heldOut} utterances. Training with pruning in place would lose less.`;
}
