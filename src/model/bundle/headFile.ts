import { IntentdError } from '../../base/index.js';
import type { Head } from '../encoder.js';
import { float32ToFloat16 } from './halfFloat.js';
import type { Manifest } from './manifest.js';
import type { Safetensors } from './safetensors.js';
import { encodeSafetensors, type Tensor } from './safetensorsWriter.js';
import { checkTensors, type ExpectedTensor } from './tensorChecks.js';

/** Half precision halves a head's file and rounds its weights; single keeps them exactly. */
export type HeadPrecision = 'F16' | 'F32';

export interface HeadDescription {
  readonly head: Manifest['head'];
  readonly intents: number;
  /** The encoder's hidden size. */
  readonly hidden: number;
  /** SHA-256 of the `encoder.safetensors` it must have been fitted on. */
  readonly encoder: string;
}

/**
 * The head that a `head.safetensors` holds, in single precision.
 *
 * @throws IntentdError `bad_bundle` or `bad_safetensors`
 */
export function decodeHead(tensors: Safetensors, description: HeadDescription): Head {
  const { head, intents, hidden } = description;
  checkEncoder(tensors, description.encoder);
  checkOutputs(tensors, intents, head.background);
  checkTensors(tensors, headTensors(description));
  const centroids = tensors.tensors.has('centroids') ? tensors.float32('centroids') : undefined;
  if (centroids) {
    checkUnitLength(tensors, centroids, hidden);
  }
  return {
    ...(head.type === 'mlp' && {
      hidden: {
        weight: tensors.float32('hidden.weight'),
        bias: tensors.float32('hidden.bias'),
        size: head.hidden,
        activation: head.activation,
      },
    }),
    output: { weight: tensors.float32('output.weight'), bias: tensors.float32('output.bias') },
    intents,
    background: head.background,
    ...(centroids && { centroids }),
    encoder: description.encoder,
  };
}

/**
 * The bytes of a `head.safetensors`; the same head always gives the same bytes.
 *
 * @param hidden the encoder's hidden size
 */
export function encodeHead(head: Head, hidden: number, precision: HeadPrecision): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, Tensor>();
  const add = (name: string, data: Float32Array, ...shape: number[]) => {
    tensors.set(
      name,
      precision === 'F32'
        ? { dtype: 'F32', shape, data }
        : { dtype: 'F16', shape, data: float32ToFloat16(data) },
    );
  };
  const size = head.hidden?.size ?? hidden;
  const outputs = head.intents + head.background;
  if (head.hidden) {
    add('hidden.weight', head.hidden.weight, size, hidden);
    add('hidden.bias', head.hidden.bias, size);
  }
  add('output.weight', head.output.weight, outputs, size);
  add('output.bias', head.output.bias, outputs);
  if (head.centroids) {
    add('centroids', head.centroids, head.intents, hidden);
  }
  return encodeSafetensors(tensors, { encoder: head.encoder });
}

function headTensors({ head, intents, hidden }: HeadDescription): Map<string, ExpectedTensor> {
  const size = head.type === 'mlp' ? head.hidden : hidden;
  const outputs = intents + head.background;
  const half = (...shape: number[]): ExpectedTensor => ({ dtypes: ['F16', 'F32'], shape });
  return new Map<string, ExpectedTensor>([
    ...(head.type === 'mlp'
      ? ([
          ['hidden.weight', half(size, hidden)],
          ['hidden.bias', half(size)],
        ] as const)
      : []),
    ['output.weight', half(outputs, size)],
    ['output.bias', half(outputs)],
    ['centroids', { ...half(intents, hidden), optional: true }],
  ]);
}

function checkEncoder(tensors: Safetensors, encoder: string): void {
  const fittedOn = tensors.metadata.get('encoder');
  if (fittedOn !== encoder) {
    const found = fittedOn === undefined ? 'no encoder' : `the encoder ${JSON.stringify(fittedOn)}`;
    throw new IntentdError(
      'bad_bundle',
      `${tensors.file} names ${found} in __metadata__, and ${encoder}, the bundle's own, was expected.`,
    );
  }
}

/** A head for another number of intents deserves a plainer word than its shape. */
function checkOutputs(tensors: Safetensors, intents: number, background: number): void {
  const rows = tensors.info('output.weight').shape[0] ?? 0;
  if (rows !== intents + background) {
    throw new IntentdError(
      'bad_bundle',
      `${tensors.file} has ${rows} output rows, and ${intents} intents of labels.json and ${background} background rows were expected.`,
    );
  }
}

/** Rows may be off by what half precision rounds. */
function checkUnitLength(tensors: Safetensors, centroids: Float32Array, hidden: number): void {
  for (let start = 0; start < centroids.length; start += hidden) {
    const length = Math.hypot(...centroids.subarray(start, start + hidden));
    if (Math.abs(length - 1) > 0.01) {
      throw new IntentdError(
        'bad_bundle',
        `${tensors.file} has row ${start / hidden} of tensor "centroids" with length ${length.toFixed(3)}, and unit length was expected.`,
      );
    }
  }
}
