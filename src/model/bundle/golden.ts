import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';

/** An utterance and the intent an engine must find in it; `null` is out of scope. */
export interface GoldenUtterance {
  readonly text: string;
  readonly intent: string | null;
}

const lineSchema = z.strictObject({
  text: z.string().min(1).max(4096),
  intent: z.string().nullable(),
});
const maxLines = 100_000;

/**
 * The utterances of a `golden.jsonl`; empty lines are passed over.
 *
 * @throws IntentdError `bad_json` or `bad_bundle`
 */
export function parseGolden(bytes: Uint8Array, labels: readonly string[], file: string): GoldenUtterance[] {
  const golden: GoldenUtterance[] = [];
  for (const [at, line] of decodeLines(bytes, file).entries()) {
    if (line.trim() !== '') {
      const name = `${file} line ${at + 1}`;
      golden.push(parseWith(lineSchema, parseJson(line, { name, maxDepth: 1 }), name, 'bad_bundle'));
      checkIntent(golden.at(-1)!, labels, name);
    }
  }
  return golden;
}

/** The bytes of a `golden.jsonl`. */
export function encodeGolden(golden: readonly GoldenUtterance[]): string {
  return golden.map(({ text, intent }) => `${JSON.stringify({ text, intent })}\n`).join('');
}

function decodeLines(bytes: Uint8Array, file: string): string[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new IntentdError('bad_bundle', `${file} is not valid UTF-8.`, { cause });
  }
  const lines = text.split('\n');
  if (lines.length > maxLines + 1) {
    throw new IntentdError('bad_bundle', `${file} has more than ${maxLines} lines.`);
  }
  return lines;
}

function checkIntent({ intent }: GoldenUtterance, labels: readonly string[], name: string): void {
  if (intent !== null && !labels.includes(intent)) {
    throw new IntentdError(
      'bad_bundle',
      `${name}: intent ${JSON.stringify(intent)} is not one of the bundle's intents in labels.json.`,
    );
  }
}
