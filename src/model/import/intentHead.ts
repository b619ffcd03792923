import { IntentdError } from '../../base/index.js';
import { checkLabels } from '../bundle/index.js';
import type { Checkpoint } from '../checkpoint/index.js';
import type { Head } from '../encoder.js';
import { isOutOfScope } from './utterances.js';

/** A head with the names of its intents; what stood for "out of scope" among them is background. */
export interface IntentHead {
  readonly head: Head;
  readonly labels: readonly string[];
}

/**
 * Names a checkpoint's classifier outputs. An output that is called `oos` or alike becomes a background
 * row: it stands for none of the intents.
 *
 * @param given names in the order of the outputs; the checkpoint's `id2label` if absent.
 * @throws IntentdError `bad_checkpoint` if there is no classifier, `bad_labels` if names are missing, do
 *   not agree in number or cannot be a bundle's.
 */
export function nameIntents(checkpoint: Checkpoint, given: readonly string[] | undefined): IntentHead {
  const { folder, head } = checkpoint;
  if (head === undefined) {
    throw new IntentdError(
      'bad_checkpoint',
      `${folder} has no classifier (tensor classifier.weight): import needs a BertForSequenceClassification checkpoint.`,
    );
  }
  const names = given ?? checkpoint.labels;
  if (names === undefined) {
    throw new IntentdError(
      'bad_labels',
      `${folder}: config.json has no id2label, so the ${head.intents} intents need names (--labels).`,
    );
  }
  if (names.length !== head.intents) {
    throw new IntentdError(
      'bad_labels',
      `${folder}: the classifier has ${head.intents} outputs, and ${names.length} labels were given for them.`,
    );
  }
  const inScope = names.flatMap((name, row) => (isOutOfScope(name) ? [] : [row]));
  const background = names.flatMap((name, row) => (isOutOfScope(name) ? [row] : []));
  const labels = inScope.map((row) => names[row]!);
  checkLabels(labels, given === undefined ? `${folder}/config.json id2label` : 'labels');
  return { head: arranged(head, inScope, background), labels };
}

function arranged(head: Head, inScope: readonly number[], background: readonly number[]): Head {
  const size = head.output.weight.length / head.output.bias.length;
  const rows = [...inScope, ...background];
  const weight = new Float32Array(rows.length * size);
  for (const [to, from] of rows.entries()) {
    weight.set(head.output.weight.subarray(from * size, (from + 1) * size), to * size);
  }
  const bias = Float32Array.from(rows, (row) => head.output.bias[row]!);
  return { ...head, output: { weight, bias }, intents: inScope.length, background: background.length };
}
