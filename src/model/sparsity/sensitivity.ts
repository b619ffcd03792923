import { IntentdError, messageOf } from '../../base/index.js';

/**
 * What pruning costs a layer's output, relative to what the output carries:
 * `Σ (w − w')² m / Σ w² m`, where `m` is the second moment `E[x²]` of the input a weight multiplies.
 * With `m` from calibration utterances it is the expected relative squared error of the layer's output
 * if inputs were uncorrelated (the score of Sun et al., "A Simple and Effective Pruning Approach for
 * Large Language Models", summed over what is dropped); without, it is the weights' own relative error.
 *
 * @param weight and `pruned` `[rows, columns]` row-major, of one shape.
 * @param moments `[columns]`, `E[x²]` of each input; all 1 if absent.
 * @returns 0 (nothing lost) to 1 (everything).
 */
export function pruningError(weight: Float32Array, pruned: Float32Array, moments?: Float32Array): number {
  const columns = moments?.length ?? weight.length;
  let lost = 0;
  let carried = 0;
  for (let i = 0; i < weight.length; i++) {
    const moment = moments?.[i % columns] ?? 1;
    lost += (weight[i]! - pruned[i]!) ** 2 * moment;
    carried += weight[i]! ** 2 * moment;
  }
  return carried === 0 ? 0 : lost / carried;
}

/**
 * Reads measured sensitivities: a JSON object of layer names and numbers, alone or under
 * `sensitivities`. `planSparsity` checks names and values against the encoder.
 *
 * @param file what the text was read from, for messages.
 * @throws IntentdError `bad_sensitivities`
 */
export function parseSensitivities(text: string, file: string): Record<string, number> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new IntentdError('bad_sensitivities', `${file}: ${messageOf(error)}, where JSON was expected`, {
      cause: error,
    });
  }
  const outer = entriesOf(value, file);
  const entries = 'sensitivities' in outer ? entriesOf(outer['sensitivities'], file) : outer;
  const result: Record<string, number> = {};
  for (const [name, sensitivity] of Object.entries(entries)) {
    if (typeof sensitivity !== 'number') {
      throw new IntentdError(
        'bad_sensitivities',
        `${file}: ${name} must be a number, not ${typeof sensitivity}`,
      );
    }
    result[name] = sensitivity;
  }
  return result;
}

function entriesOf(value: unknown, file: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new IntentdError(
    'bad_sensitivities',
    `${file}: expected an object such as {"layer.0.intermediate": 0.01}, with a number for each layer`,
  );
}
