import type { Command } from 'commander';
import type { Bundle } from '../../model/index.js';
import { examples } from '../examples.js';
import { bytes, percent } from '../format.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';
import { listing, table } from '../table.js';

/** `intentd model show BUNDLE` */
export function addShow(model: Command, io: Io): void {
  model
    .command('show')
    .summary('print what a bundle is')
    .description('Print what a bundle is: its encoder, sparsity, intents, decision and figures.')
    .argument('<bundle>', 'folder of the bundle')
    .option('--json', 'print one JSON object, with the whole manifest and the intents')
    .addHelpText('after', examples('intentd model show models/clinc150-minilm-l6'))
    .action(async (folder: string, options: { json?: true }) => {
      const { readBundle } = await import('../../model/index.js');
      const bundle = await readBundle(folder);
      if (options.json) io.print(JSON.stringify(asJson(bundle), null, 2));
      else for (const line of describe(bundle, io)) io.print(line);
    });
}

function asJson({ folder, digest, manifest, labels, golden }: Bundle): object {
  return { folder, digest, manifest, intents: labels, goldenUtterances: golden.length };
}

function describe(bundle: Bundle, io: Io): string[] {
  const { manifest, labels, golden, folder, digest } = bundle;
  const { bold } = styleFor(io);
  const files = Object.entries(manifest.files);
  const size = files.reduce((sum, [, file]) => sum + file.bytes, 0);
  return [
    bold(`${manifest.id} ${manifest.version}`),
    ...listing(io, [
      ['folder', folder],
      ['digest', digest],
      ['needs', `intentd ${manifest.minAgent} or newer`],
      ['encoder', encoder(manifest)],
      ['attention', attention(manifest.attention)],
      ['sparsity', sparsity(manifest)],
      ['quantization', `INT8 weights and activations, ${method[manifest.quantization.method]}`],
      ['head', head(manifest.head)],
      ['decision', decision(manifest.decision)],
      ['intents', `${labels.length}: ${labels.slice(0, 4).join(', ')}${labels.length > 4 ? ', …' : ''}`],
      ['golden', `${golden.length} utterances`],
      ['files', `${files.length}, ${bytes(size)}`],
    ]),
    ...evaluation(manifest, io),
    '',
    ...table(
      io,
      [{ title: 'file' }, { title: 'size', align: 'right' }, { title: 'SHA-256' }],
      files.map(([name, file]) => [name, bytes(file.bytes), file.sha256]),
    ),
  ];
}

function evaluation({ evaluation: of }: Bundle['manifest'], io: Io): string[] {
  const lines = Object.entries(of).flatMap(([name, value]) => figures(name, value));
  if (lines.length === 0) return [];
  return ['', styleFor(io).bold('evaluation, as its maker measured it'), ...listing(io, lines)];
}

type Manifest = Bundle['manifest'];
const method = { qat: 'trained quantized', ptq: 'calibrated after training' } as const;

function encoder({ architecture: of }: Manifest): string {
  const pooling = of.pooling === 'mean' ? 'mean of the tokens' : 'first token';
  return (
    `${of.type}, ${of.layers} layers, hidden ${of.hidden}, ${of.heads} heads, feed-forward ${of.feedForward}, ` +
    `vocabulary ${of.vocabulary}, ${of.positions} positions, ${of.activation}, ${pooling}` +
    (of.normalize ? ', unit length' : '')
  );
}

function attention({ windowEachSide, globalTokens }: Manifest['attention']): string {
  if (windowEachSide === -1) return 'dense';
  const global = globalTokens === 1 ? '1 global token' : `${globalTokens} global tokens`;
  return `${windowEachSide} tokens to each side, ${global}`;
}

function sparsity({ sparsity: { achieved, target, pattern, layers } }: Manifest): string {
  return `${percent(achieved)} of the linear weights zero in ${pattern} (target ${percent(target)}), ${layers.length} layers`;
}

function head(of: Manifest['head']): string {
  const kind = of.type === 'linear' ? 'linear' : `one hidden layer of ${of.hidden} (${of.activation})`;
  return of.background === 0 ? kind : `${kind}, ${of.background} for "none of them"`;
}

function decision({ temperature, outOfScope, ambiguityMargin }: Manifest['decision']): string {
  return (
    `temperature ${plain(temperature)}, out of scope where ${outOfScope.score} is under ${plain(outOfScope.threshold)}, ` +
    `ambiguous within ${ambiguityMargin}`
  );
}

/** `{a: {b: 1}}` as `a.b 1`; lists in one line. */
function figures(name: string, value: unknown): (readonly [string, string])[] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => figures(`${name}.${key}`, inner));
  }
  if (Array.isArray(value)) return [[name, value.map(plain).join(', ')]];
  return [[name, plain(value)]];
}

function plain(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(5)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}
