import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { IntentdError } from '../../base/index.js';
import type { AttentionKind, BenchReport, BucketFigures } from '../../engine/index.js';
import { positiveInteger } from '../arguments.js';
import { examples } from '../examples.js';
import { bytes } from '../format.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';
import { table } from '../table.js';

interface Shape {
  readonly batch: number;
  readonly sequence: number;
}

interface EngineBenchOptions {
  readonly shapes: readonly Shape[];
  readonly level: number;
  readonly ms: number;
  readonly attention: 'standard' | 'plugin' | 'both';
  readonly keep?: string;
  readonly json?: true;
}

const defaultShapes = '1x16,16x16,1x128,16x64,16x128,32x128';

/** `intentd engine bench BUNDLE` */
export function addBench(engine: Command, io: Io): void {
  engine
    .command('bench')
    .summary("measure every engine that a bundle's encoder can become")
    .description(
      "Build a bundle's encoder as INT8 sparse, INT8 dense and FP16 dense, with TensorRT's attention and with the " +
        'plugin, and measure latency and energy of each in each shape, by turns in one run.',
    )
    .argument('<bundle>', 'folder of the bundle')
    .addOption(
      new Option('--shapes <list>', 'BATCHxSEQUENCE, with commas')
        .argParser(shapesOf)
        .default(shapesOf(defaultShapes), defaultShapes),
    )
    .option('--level <0…5>', "TensorRT's builder optimization level", Number, 3)
    .option('--ms <time>', 'how long each shape of each engine is timed', positiveInteger, 1000)
    .addOption(
      new Option('--attention <kind>', 'which attention; both if the plugin is there')
        .choices(['standard', 'plugin', 'both'])
        .default('both'),
    )
    .option('--keep <folder>', 'write the plans there, one file an engine')
    .option('--json', 'print one JSON object, layer by layer')
    .addHelpText('after', examples('intentd engine bench models/clinc150-minilm-l6 --shapes 1x16,16x64'))
    .action(async (folder: string, options: EngineBenchOptions) => {
      const report = await run(folder, options, io);
      if (options.json === true) io.print(JSON.stringify(report, null, 2));
      else for (const line of describe(report, io)) io.print(line);
    });
}

async function run(
  folder: string,
  { attention, keep, shapes, level, ms }: EngineBenchOptions,
  io: Io,
): Promise<BenchReport> {
  const { benchEngines, nativePaths } = await import('../../engine/index.js');
  const paths = nativePaths();
  if (paths === undefined) {
    throw new IntentdError('no_addon', 'The TensorRT addon is not built; run npm run build:native.');
  }
  const report = await benchEngines({
    folder,
    paths,
    attentions: attentionsOf(attention, existsSync(paths.plugins)),
    buckets: shapes,
    builderLevel: level,
    workspaceBytes: 2 ** 30,
    measureMs: ms,
    tell: (step) => {
      io.status(`${step} …`);
    },
    sink: () => undefined,
    ...(keep === undefined ? {} : { keep }),
  });
  io.status('');
  return report;
}

function attentionsOf(asked: EngineBenchOptions['attention'], plugin: boolean): AttentionKind[] {
  if (asked === 'standard' || (asked === 'both' && !plugin)) return ['standard'];
  if (!plugin) throw new IntentdError('plugin', 'The plugin library is not built; run npm run build:native.');
  return asked === 'plugin' ? ['plugin'] : ['standard', 'plugin'];
}

function describe({ runtime, engines }: BenchReport, io: Io): string[] {
  const { bold } = styleFor(io);
  const columns = [
    { title: 'engine' },
    { title: 'shape' },
    { title: 'p50 µs', align: 'right' },
    { title: 'p99 µs', align: 'right' },
    { title: 'mJ each', align: 'right' },
  ] as const;
  const plans = engines.map((one) => [
    `${one.name}, ${one.attention}`,
    bytes(one.planBytes),
    bytes(one.deviceBytes),
    `${one.products.sparse}/${one.products.all}`,
  ]);
  const right = { align: 'right' } as const;
  const planColumns = [
    { title: 'engine' },
    { title: 'plan', ...right },
    { title: 'device', ...right },
    { title: 'sparse', ...right },
  ];
  const shapes = engines[0]?.buckets ?? [];
  const rows = shapes.flatMap((_, at) =>
    engines.map((one) => rowOf(`${one.name}, ${one.attention}`, one.buckets[at]!)),
  );
  return [
    bold(`${runtime.gpu}, TensorRT ${runtime.tensorrt}, driver ${runtime.driver}`),
    ...table(io, planColumns, plans),
    '',
    ...table(io, columns, rows),
  ];
}

function rowOf(name: string, { batch, sequence, p50Us, p99Us, energyMj }: BucketFigures): string[] {
  const energy = energyMj === null ? '–' : energyMj.toFixed(3);
  return [name, `${batch}x${sequence}`, p50Us.toFixed(1), p99Us.toFixed(1), energy];
}

function shapesOf(text: string): Shape[] {
  return text.split(',').map((one) => {
    const found = /^(\d{1,3})x(\d{1,3})$/.exec(one);
    if (found === null) throw new InvalidArgumentError('Expected shapes such as 1x16,16x64.');
    return { batch: Number(found[1]), sequence: Number(found[2]) };
  });
}
