import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { IntentdError, sha256, writeFileAtomic } from '../../base/index.js';
import type { EncoderGraphOptions, HuggingFaceModel } from '../../model/index.js';
import { examples } from '../examples.js';
import { bytes } from '../format.js';
import type { Io } from '../io.js';
import { table } from '../table.js';

interface CompileOptions extends Pick<EncoderGraphOptions, 'attention' | 'precision'> {
  readonly out: string;
  readonly headOut?: string;
  readonly json?: true;
}

/** `intentd model compile BUNDLE --out F.onnx` */
export function addCompile(model: Command, io: Io): void {
  model
    .command('compile')
    .summary('write a bundle as ONNX')
    .description(
      "Write a bundle's encoder, from tokens to one embedding an utterance, as an ONNX model of operator " +
        'set 20. The head is a second, small model, written where --head-out says.',
    )
    .argument('<bundle>', 'folder of the bundle, or of a Hugging Face checkpoint (fp32 and fp16)')
    .addOption(
      new Option(
        '--attention <how>',
        'plugin: the TensorRT node LocalGlobalAttention; standard: ONNX operators alone; onnxruntime: the fused operators of ONNX Runtime',
      )
        .choices(['plugin', 'standard', 'onnxruntime'])
        .default('standard'),
    )
    .addOption(
      new Option('--precision <type>', 'of the products').choices(['int8', 'fp16', 'fp32']).default('int8'),
    )
    .requiredOption('--out <file>', 'where the encoder goes; a file there is replaced')
    .option('--head-out <file>', 'where the head goes')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      examples(
        'intentd model compile models/clinc150-minilm-l6 --out encoder.onnx',
        'intentd model compile BUNDLE --attention plugin --out E.onnx --head-out H.onnx',
        'intentd model compile HF_DIR --precision fp32 --out dense.onnx',
      ),
    )
    .action(async (folder: string, options: CompileOptions) => {
      const written = await compile(folder, options);
      if (options.json) io.print(JSON.stringify({ files: written }, null, 2));
      else for (const line of asTable(written, io)) io.print(line);
    });
}

interface WrittenFile {
  readonly what: 'encoder' | 'head';
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

async function compile(folder: string, options: CompileOptions): Promise<WrittenFile[]> {
  const { encoderToOnnx, headToOnnx } = await import('../../model/index.js');
  const { encoder, head } = await readEncoder(folder);
  const { attention, precision, out, headOut } = options;
  const written = [await write('encoder', out, encoderToOnnx(encoder, { attention, precision }))];
  if (headOut !== undefined) {
    if (head === undefined)
      throw new IntentdError('no_head', `${folder} has no classifier to write to ${headOut}.`);
    written.push(await write('head', headOut, headToOnnx(head, encoder.architecture.hidden)));
  }
  return written;
}

/** A bundle's encoder and head, or a Hugging Face checkpoint's, which is in floating point. */
async function readEncoder(folder: string): Promise<Pick<HuggingFaceModel, 'encoder' | 'head'>> {
  const { readBundle, readHuggingFace } = await import('../../model/index.js');
  const isCheckpoint = existsSync(join(folder, 'config.json')) && !existsSync(join(folder, 'manifest.json'));
  return isCheckpoint ? readHuggingFace(folder) : readBundle(folder);
}

async function write(what: WrittenFile['what'], file: string, onnx: Uint8Array): Promise<WrittenFile> {
  await writeFileAtomic(file, onnx);
  return { what, file, bytes: onnx.length, sha256: sha256(onnx) };
}

function asTable(written: readonly WrittenFile[], io: Io): string[] {
  const columns = [
    { title: '' },
    { title: 'file' },
    { title: 'size', align: 'right' },
    { title: 'SHA-256' },
  ] as const;
  return table(
    io,
    columns,
    written.map((one) => [one.what, one.file, bytes(one.bytes), one.sha256]),
  );
}
