import { IntentdError } from '../../base/index.js';
import type { Safetensors } from './safetensors.js';
import type { Dtype } from './safetensorsHeader.js';

export interface ExpectedTensor {
  readonly dtypes: readonly Dtype[];
  readonly shape: readonly number[];
  readonly optional?: boolean;
}

/**
 * Refuses a file whose tensors are not exactly the expected ones, in name, type and shape.
 *
 * @throws IntentdError `bad_bundle`
 */
export function checkTensors(tensors: Safetensors, expected: ReadonlyMap<string, ExpectedTensor>): void {
  for (const [name, { dtypes, shape, optional }] of expected) {
    const info = tensors.tensors.get(name);
    if (!info) {
      if (optional) {
        continue;
      }
      throw bad(tensors, `lacks the tensor ${JSON.stringify(name)}`);
    }
    const sameShape =
      info.shape.length === shape.length && info.shape.every((size, axis) => size === shape[axis]);
    if (!sameShape || !dtypes.includes(info.dtype)) {
      throw bad(
        tensors,
        `has tensor ${JSON.stringify(name)} as ${info.dtype} [${info.shape.join(', ')}], and ${dtypes.join(' or ')} [${shape.join(', ')}] was expected`,
      );
    }
  }
  const stranger = [...tensors.tensors.keys()].find((name) => !expected.has(name));
  if (stranger !== undefined) {
    throw bad(tensors, `has the tensor ${JSON.stringify(stranger)}, which the format does not know here`);
  }
}

/**
 * A float tensor of which every value must be above zero, as scales and steps are.
 *
 * @throws IntentdError `bad_bundle` or `bad_safetensors`
 */
export function positive(tensors: Safetensors, name: string): Float32Array {
  const data = tensors.float32(name);
  const at = data.findIndex((value) => value <= 0);
  if (at >= 0) {
    throw bad(
      tensors,
      `has ${data[at]!} at element ${at} of tensor ${JSON.stringify(name)}, and every scale must be above zero`,
    );
  }
  return data;
}

function bad(tensors: Safetensors, fault: string): IntentdError {
  return new IntentdError('bad_bundle', `${tensors.file} ${fault}.`);
}
