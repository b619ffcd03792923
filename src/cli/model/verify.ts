import type { Command } from 'commander';
import { IntentdError } from '../../base/index.js';
import { examples } from '../examples.js';
import { bytes } from '../format.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';

/** `intentd model verify BUNDLE` */
export function addVerify(model: Command, io: Io): void {
  model
    .command('verify')
    .summary('check that a bundle is whole and usable')
    .description(
      'Check that a bundle is whole and usable: the manifest, the size and SHA-256 of every file, every ' +
        'tensor, the intents, the tokenizer and the decision rules. Exits with 1 where something is wrong.',
    )
    .argument('<bundle>', 'folder of the bundle')
    .option('--json', 'print one JSON object: {"ok": true, …} or {"ok": false, "error": {code, message}}')
    .addHelpText(
      'after',
      examples(
        'intentd model verify models/clinc150-minilm-l6',
        'intentd model verify /media/usb/bundle --json && echo "may be copied"',
      ),
    )
    .action(async (folder: string, options: { json?: true }) => {
      try {
        const report = await verify(folder);
        io.print(options.json ? JSON.stringify(report, null, 2) : sentence(report, io));
      } catch (error) {
        if (options.json && error instanceof IntentdError) {
          const { code, message } = error;
          io.print(JSON.stringify({ ok: false, folder, error: { code, message } }, null, 2));
        }
        throw error;
      }
    });
}

interface Report {
  readonly ok: true;
  readonly folder: string;
  readonly id: string;
  readonly version: string;
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
}

async function verify(folder: string): Promise<Report> {
  const { openModel } = await import('./openModel.js');
  const { bundle } = await openModel(folder);
  const { id, version } = bundle.manifest;
  const files = Object.values(bundle.manifest.files);
  const size = files.reduce((sum, file) => sum + file.bytes, 0);
  return { ok: true, folder, id, version, digest: bundle.digest, files: files.length, bytes: size };
}

function sentence(report: Report, io: Io): string {
  const { id, version, files } = report;
  const ok = styleFor(io).good('ok');
  return `${ok} ${id} ${version}: ${files} files, ${bytes(report.bytes)}, all as the manifest says`;
}
