import type { Command } from 'commander';
import { IntentdError, writeFileAtomic } from '../../../base/index.js';
import { positiveInteger } from '../../arguments.js';
import { examples } from '../../examples.js';
import type { Io } from '../../io.js';
import { progressOn } from '../../progress.js';
import { configOf, withSettings, type SettingOptions } from '../../settings.js';
import { measuredHere } from '../machineLine.js';
import type { EnergyFigures } from './figures.js';

interface BenchEnergyOptions extends SettingOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly idle: number;
  readonly batch: number;
  readonly texts?: string;
  readonly svg?: string;
  readonly save?: string;
  readonly json?: true;
}

/** A second of samples, after clocks went down. */
const leastIdleSeconds = 2;

/** `intentd bench energy [BUNDLE]` */
export function addBenchEnergy(bench: Command, io: Io): void {
  const energy = bench
    .command('energy')
    .summary('measure what an utterance costs on each engine of a model')
    .description(
      'Measure the energy of an utterance on each engine that one model can become: with TensorRT dense FP16, ' +
        'dense INT8 and INT8 with sparse tactics allowed, built here and kept nowhere; without it FP32 and INT8 ' +
        'on the CPU. The idle floor comes first; then the engines take turns under the same utterances. ' +
        'Nothing else should run meanwhile, and no agent.',
    )
    .argument('[bundle]', 'folder of the bundle; the one shipped with intentd if absent', 'builtin')
    .option('--seconds <count>', 'how long each engine runs in all', positiveInteger, 60)
    .option('--rounds <count>', 'in how many rounds, by turns with the others', positiveInteger, 6)
    .option('--idle <seconds>', 'how long the idle floor is measured, 2 at least', positiveInteger, 10)
    .option('--batch <count>', 'utterances in one inference', positiveInteger, 1)
    .option('--texts <file>', 'utterances to send, one a line; those of golden.jsonl if absent')
    .option('--svg <file>', 'draw what was measured as an SVG')
    .option('--save <file>', 'keep every figure of every round as JSON in a file too')
    .option('--json', 'print every figure of every round as one JSON object');
  withSettings(energy)
    .addHelpText(
      'after',
      examples(
        'intentd bench energy --svg energy.svg',
        'intentd bench energy my-bundle --seconds 120 --json',
      ),
    )
    .action(async (folder: string, options: BenchEnergyOptions) => {
      const measured = measuredHere();
      const figures = await measure(folder, options, io);
      if (options.svg !== undefined) {
        const { energyPlot } = await import('./plot.js');
        await writeFileAtomic(options.svg, energyPlot(figures, measured));
      }
      const json = JSON.stringify({ measured, figures }, null, 2);
      if (options.save !== undefined) await writeFileAtomic(options.save, `${json}\n`);
      if (options.json === true) io.print(json);
      else {
        const { energyReport } = await import('./table.js');
        for (const line of energyReport(figures, measured, io)) io.print(line);
      }
    });
}

async function measure(folder: string, options: BenchEnergyOptions, io: Io): Promise<EnergyFigures> {
  const [{ config }, { bundleFolder }, { measureEnergy }, { stopSignal }] = await Promise.all([
    configOf(options),
    import('../../../daemon.js'),
    import('./run.js'),
    import('../../../service/index.js'),
  ]);
  const stop = new AbortController();
  const interrupted = new IntentdError(
    'interrupted',
    'The measurement was interrupted: there are no figures.',
  );
  void stopSignal().then(() => {
    stop.abort(interrupted);
  });
  const progress = progressOn(io, 'intentd bench energy');
  try {
    return await measureEnergy({
      folder: bundleFolder(folder),
      config,
      seconds: options.seconds,
      rounds: options.rounds,
      idleSeconds: Math.max(leastIdleSeconds, options.idle),
      batch: options.batch,
      textsFile: options.texts,
      tell: (step, done, of) => {
        progress.update(done, of, step);
      },
      note: (line) => {
        io.note(line);
      },
      signal: stop.signal,
    });
  } catch (error) {
    // What is aborted fails in words of its own.
    throw stop.signal.aborted ? interrupted : error;
  } finally {
    progress.end();
  }
}
