import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';

const labelsSchema = z.strictObject({ intents: z.array(z.string()).min(1).max(10_000) });
const maxLabelCharacters = 128;
// Characters that would change an MQTT topic's meaning, and ones that cannot be seen.
const forbidden = /[/+#\u0000-\u001f\u007f-\u009f]/;

/**
 * The intents of a `labels.json`.
 *
 * @throws IntentdError `bad_json` or `bad_bundle`
 */
export function parseLabels(bytes: Uint8Array, file: string): string[] {
  const { intents } = parseWith(labelsSchema, parseJson(bytes, { name: file }), file, 'bad_bundle');
  checkLabels(intents, file);
  return intents;
}

/**
 * Refuses intent names that cannot be a level of an MQTT topic, or stand twice.
 *
 * @param file what error messages call the place they come from
 * @throws IntentdError `bad_bundle`
 */
export function checkLabels(labels: readonly string[], file: string): void {
  const seen = new Map<string, number>();
  for (const [at, label] of labels.entries()) {
    const fault = faultOf(label);
    if (fault !== undefined) {
      throw bad(file, `intents[${at}] ${fault}`);
    }
    const before = seen.get(label);
    if (before !== undefined) {
      throw bad(file, `intents[${at}] repeats intents[${before}], ${JSON.stringify(label)}`);
    }
    seen.set(label, at);
  }
}

function faultOf(label: string): string | undefined {
  if (label === '') {
    return 'is empty';
  }
  if (label.length > maxLabelCharacters) {
    return `is longer than ${maxLabelCharacters} characters`;
  }
  if (label.trim() !== label) {
    return `begins or ends with white space: ${JSON.stringify(label)}`;
  }
  if (/\p{Surrogate}/u.test(label)) {
    return 'holds half of a surrogate pair';
  }
  return forbidden.test(label)
    ? `holds "/", "+", "#" or a control character: ${JSON.stringify(label)}`
    : undefined;
}

function bad(file: string, fault: string): IntentdError {
  return new IntentdError('bad_bundle', `${file}: ${fault}.`);
}
