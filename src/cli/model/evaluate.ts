import { type Command, Option } from 'commander';
import { positiveInteger } from '../arguments.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { progressOn } from '../progress.js';
import { withSettings, type SettingOptions } from '../settings.js';
import type { EvaluationReport } from './evaluationReport.js';

interface EvaluateOptions extends SettingOptions {
  readonly split: string;
  readonly engine: 'cpu' | 'tensorrt';
  readonly precision: 'int8' | 'fp32';
  readonly threads?: number;
  readonly json?: true;
}

/** `intentd model evaluate BUNDLE DATA.json --split NAME` */
export function addEvaluate(model: Command, io: Io): void {
  const evaluating = model
    .command('evaluate')
    .summary('measure a bundle on labelled utterances')
    .description(
      'Measure a bundle on labelled utterances, answered one at a time as they are served: in-scope ' +
        'accuracy, area under the out-of-scope ROC curve, out-of-scope recall at 5 % false rejection, the ' +
        "same at the bundle's own threshold, calibration error, and the most confused intents.",
    )
    .argument('<bundle>', 'folder of the bundle')
    .argument('<data>', 'JSON file of the form {"NAME": [[text, intent], …], "oos_NAME": [[text, "oos"], …]}')
    .requiredOption('--split <name>', 'the NAME to measure on')
    .addOption(
      new Option('--engine <kind>', 'what computes; tensorrt is the engine that an agent built')
        .choices(['cpu', 'tensorrt'])
        .default('cpu'),
    )
    .addOption(new Option('--precision <type>', 'of the products').choices(['int8', 'fp32']).default('int8'))
    .addOption(
      new Option('--threads <count>', 'that share one inference (default: up to 2)').argParser(
        positiveInteger,
      ),
    )
    .option('--json', 'print one JSON object: fractions between 0 and 1, milliseconds');
  withSettings(evaluating)
    .addHelpText(
      'after',
      examples(
        'intentd model evaluate models/clinc150-minilm-l6 data.json --split val',
        'intentd model evaluate BUNDLE data.json --split val --json | jq .oosAuroc',
      ),
    )
    .action(async (folder: string, data: string, options: EvaluateOptions) => {
      const { describeEvaluation } = await import('./evaluationReport.js');
      const report = await evaluate(folder, data, options, io);
      if (options.json) io.print(JSON.stringify(report, null, 2));
      else for (const line of describeEvaluation(report, io)) io.print(line);
    });
}

async function evaluate(
  folder: string,
  data: string,
  options: EvaluateOptions,
  io: Io,
): Promise<EvaluationReport> {
  const [
    { openModel },
    { openCpuEngine },
    { openTensorRtEngine },
    { readSplit },
    { judge },
    { evaluationReport },
  ] = await Promise.all([
    import('./openModel.js'),
    import('./cpuEngine.js'),
    import('./tensorRtEngine.js'),
    import('./labelledData.js'),
    import('./judge.js'),
    import('./evaluationReport.js'),
  ]);
  const { split, precision, threads } = options;
  const model = await openModel(folder);
  const { bundle } = model;
  const utterances = await readSplit(data, split, new Set(bundle.labels));
  const engine =
    options.engine === 'tensorrt'
      ? await openTensorRtEngine(bundle, options)
      : await openCpuEngine(bundle, { precision, ...(threads === undefined ? {} : { threads }) });
  const progress = progressOn(io, 'evaluating');
  try {
    const judgement = await judge(model, engine, bundle.manifest.id, utterances, (done) => {
      progress.update(done, utterances.length);
    });
    return evaluationReport(model, split, engine.info, judgement);
  } finally {
    progress.end();
    await engine.close();
  }
}
