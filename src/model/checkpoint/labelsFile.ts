import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';
import { readInput } from './inputFile.js';

const maxBytes = 16 << 20;
const schema = z.union([z.array(z.string()), z.object({ intents: z.array(z.string()) })]);

/**
 * Names of a classifier's outputs, in order: a JSON list, `{"intents": [...]}`, or a name a line.
 *
 * @throws IntentdError `bad_labels`, `bad_json` or `bad_file`
 */
export async function readLabelsFile(path: string): Promise<string[]> {
  const bytes = await readInput(path, maxBytes);
  const text = new TextDecoder('utf-8').decode(bytes);
  const labels = /^\s*[[{]/.test(text) ? fromJson(bytes, path) : fromLines(text);
  if (labels.length === 0) throw new IntentdError('bad_labels', `${path} names no intent.`);
  return labels;
}

function fromJson(bytes: Uint8Array, path: string): string[] {
  const value = parseWith(schema, parseJson(bytes, { name: path }), path, 'bad_labels');
  return Array.isArray(value) ? value : value.intents;
}

function fromLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
