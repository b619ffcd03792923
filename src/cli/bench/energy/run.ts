import { existsSync, readFileSync } from 'node:fs';
import { IntentdError, messageOf } from '../../../base/index.js';
import type { Config } from '../../../config/index.js';
import { isTensorRtUnusable } from '../../../daemon.js';
import {
  nativePaths,
  openCpuVariants,
  openTensorRtVariants,
  tensorRtRuntime,
  type NativePaths,
  type VariantOptions,
  type Variants,
} from '../../../engine/index.js';
import {
  createTokenizer,
  padTokens,
  readBundle,
  type Bundle,
  type PaddedTokens,
} from '../../../model/index.js';
import { ratiosOf, type EnergyFigures } from './figures.js';
import { headName, measureVariants } from './measure.js';
import { PowerMeter } from './powerMeter.js';

export interface EnergyRun {
  readonly folder: string;
  readonly config: Config;
  readonly seconds: number;
  readonly rounds: number;
  readonly idleSeconds: number;
  readonly batch: number;
  /** One utterance a line, instead of the bundle's golden ones. */
  readonly textsFile?: string | undefined;
  readonly tell: (step: string, done: number, of: number) => void;
  /** Told once why the CPU engines are measured, where TensorRT might have been. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Measures what an utterance costs on every engine that the bundle can become.
 *
 * @throws IntentdError `no_meter`, `no_samples`, `no_utterances`, what the bundle or TensorRT lack, or the signal's
 *   reason
 */
export async function measureEnergy(run: EnergyRun): Promise<EnergyFigures> {
  const { config, folder, tell, signal } = run;
  const bundle = await readBundle(folder);
  const stream = streamOf(bundle, run);
  const paths = await usableTensorRt(run);
  // Before minutes of building: without it they would be for nothing.
  const meter = await openMeter(config, paths !== undefined);
  try {
    const tellStep = (step: string): void => {
      tell(step, 0, 1);
    };
    const opened = await openVariants({ bundle, signal, tell: tellStep }, config, paths);
    try {
      return await figuresOf(run, { bundle, meter, stream, ...opened });
    } finally {
      for (const { engine } of opened.variants) await engine.close();
    }
  } finally {
    meter.close();
  }
}

interface Opened extends Variants {
  readonly bundle: Bundle;
  readonly meter: PowerMeter;
  readonly stream: Stream;
}

async function figuresOf(
  run: EnergyRun,
  { bundle, meter, runtime, stream, variants }: Opened,
): Promise<EnergyFigures> {
  const { batch, idleSeconds, rounds, seconds } = run;
  const { batches, meanTokens, utterances } = stream;
  for (const { engine } of variants) await engine.loadHead(headName, bundle.head);
  const { idle, engines } = await measureVariants({ ...run, meter, variants, batches });
  const { files, id, sparsity, version } = bundle.manifest;
  return {
    model: {
      id,
      version,
      bytes: Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0),
      sparsity: sparsity.achieved,
    },
    device: runtime && { gpu: runtime.gpu, tensorrt: runtime.tensorrt, driver: runtime.driver },
    meter: { ...meter.meter.info, sampleMs: meter.meter.intervalMs },
    idle: { ...idle, seconds: idleSeconds },
    stream: { utterances, meanTokens, batch, secondsAnEngine: seconds, rounds },
    engines,
    ratios: ratiosOf(engines),
  };
}

/**
 * Where the addon is, if TensorRT is to be used and can be.
 *
 * @throws IntentdError where TensorRT is demanded and cannot be
 */
async function usableTensorRt({ config, note }: EnergyRun): Promise<NativePaths | undefined> {
  const { kind } = config.engine;
  if (kind !== 'auto' && kind !== 'tensorrt') return undefined;
  const paths = nativePaths();
  try {
    if (paths === undefined) {
      throw new IntentdError('no_addon', 'The TensorRT addon is not built; run npm run build:native.');
    }
    await tensorRtRuntime(paths);
    return paths;
  } catch (error) {
    if (kind === 'tensorrt' || !isTensorRtUnusable(error)) throw error;
    note(`TensorRT cannot be used here: ${messageOf(error)} What the CPU engine offers is compared.`);
    return undefined;
  }
}

function openMeter({ telemetry }: Config, gpu: boolean): Promise<PowerMeter> {
  const { meter: kind, sampleMs: intervalMs, sysfs } = telemetry;
  return PowerMeter.open({ kind, intervalMs, sysfs, gpu });
}

function openVariants(
  options: VariantOptions,
  { engine }: Config,
  paths: NativePaths | undefined,
): Promise<Variants> {
  const { builderLevel, threads, workspaceMib } = engine;
  if (paths === undefined) return openCpuVariants(options, threads);
  const attention = engine.attention === 'plugin' && existsSync(paths.plugins) ? 'plugin' : 'standard';
  return openTensorRtVariants(options, {
    paths,
    attentions: [attention],
    builderLevel,
    workspaceBytes: workspaceMib * 2 ** 20,
    sink: () => undefined,
  });
}

interface Stream {
  readonly batches: readonly PaddedTokens[];
  readonly utterances: number;
  readonly meanTokens: number;
}

/** The utterances as batches, tokenized beforehand; the last batch is filled up from the first utterances. */
function streamOf(
  { golden, manifest, tokenizerJson }: Bundle,
  { batch, folder, textsFile }: EnergyRun,
): Stream {
  const texts = textsFile === undefined ? golden.map(({ text }) => text) : linesOf(textsFile);
  if (texts.length === 0) {
    throw new IntentdError(
      'no_utterances',
      `${textsFile ?? folder} has no utterances to send; name a file with one a line in --texts.`,
    );
  }
  const tokenizer = createTokenizer(tokenizerJson, { positions: manifest.architecture.positions });
  const tokens = texts.map((text) => tokenizer.encode(text));
  const batches = Array.from({ length: Math.ceil(tokens.length / batch) }, (_, at) =>
    padTokens(Array.from({ length: batch }, (_row, row) => tokens[(at * batch + row) % tokens.length]!)),
  );
  const sum = tokens.reduce((all, { ids }) => all + ids.length, 0);
  return { batches, utterances: texts.length, meanTokens: sum / texts.length };
}

function linesOf(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new IntentdError('bad_file', `The utterances ${file} cannot be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}
