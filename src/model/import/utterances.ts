import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';
import { readInput } from '../checkpoint/index.js';

/** An utterance to calibrate on, with its intent where it is known. */
export interface CalibrationUtterance {
  readonly text: string;
  /** `null` is out of scope; absent is unknown. */
  readonly intent?: string | null;
}

const maxBytes = 256 << 20;
const outOfScopeNames = new Set(['oos', 'out_of_scope', 'out-of-scope', 'outofscope']);
const text = z.string().min(1).max(4096);
const lineSchema = z.looseObject({ text, intent: z.string().nullish() });
const splitsSchema = z.record(z.string(), z.array(z.tuple([text, z.string()])));
const listSchema = z.array(z.union([text, lineSchema]));

/** Whether a label says that an utterance is none of the intents. */
export function isOutOfScope(label: string): boolean {
  return outOfScopeNames.has(label.toLowerCase());
}

/**
 * Reads utterances to calibrate on: one a line; or JSON lines `{"text": …, "intent": …}` with the intent
 * optional; or a JSON object of splits `{"NAME": [[text, intent], …]}`, all of which are taken; or a JSON
 * list of texts or of such objects. The intent `oos` (or `null`) is out of scope.
 *
 * @throws IntentdError `bad_utterances`, `bad_json` or `bad_file`, naming file, line and field.
 */
export async function readCalibration(path: string): Promise<CalibrationUtterance[]> {
  const content = new TextDecoder('utf-8').decode(await readInput(path, maxBytes));
  const utterances = parse(content, path);
  if (utterances.length === 0) throw new IntentdError('bad_utterances', `${path} holds no utterance.`);
  return utterances;
}

function parse(content: string, path: string): CalibrationUtterance[] {
  const lines = content.split('\n').map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const filled = lines.filter(({ line }) => line !== '');
  const first = filled[0]?.line ?? '';
  if (first.startsWith('{') && first.endsWith('}') && /"text"\s*:/.test(first)) {
    return filled.map(({ line, number }) => {
      const name = `${path} line ${number}`;
      return utterance(parseWith(lineSchema, parseJson(line, { name }), name, 'bad_utterances'));
    });
  }
  if (first.startsWith('{')) {
    const splits = parseWith(splitsSchema, parseJson(content, { name: path }), path, 'bad_utterances');
    return Object.values(splits).flatMap((pairs) =>
      pairs.map(([own, intent]) => utterance({ text: own, intent })),
    );
  }
  if (first.startsWith('[')) {
    const list = parseWith(listSchema, parseJson(content, { name: path }), path, 'bad_utterances');
    return list.map((entry) => (typeof entry === 'string' ? { text: entry } : utterance(entry)));
  }
  return filled.map(({ line }) => ({ text: line }));
}

function utterance(entry: { text: string; intent?: string | null | undefined }): CalibrationUtterance {
  if (entry.intent === undefined) return { text: entry.text };
  const outside = entry.intent === null || isOutOfScope(entry.intent);
  return { text: entry.text, intent: outside ? null : entry.intent };
}
