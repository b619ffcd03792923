import { IntentdError } from '../../base/index.js';
import { type Dtype, dtypeBytes, elementsOf } from './safetensorsHeader.js';

interface ElementsOf {
  readonly I8: Int8Array;
  readonly U8: Uint8Array;
  /** Raw bits. */
  readonly F16: Uint16Array;
  /** Raw bits. */
  readonly BF16: Uint16Array;
  readonly F32: Float32Array;
  readonly I32: Int32Array;
  readonly I64: BigInt64Array;
}

/** A tensor to be written; `data` is row-major and as long as `shape` says. */
export type Tensor = {
  readonly [D in Dtype]: {
    readonly dtype: D;
    readonly shape: readonly number[];
    readonly data: ElementsOf[D];
  };
}[Dtype];

/**
 * The bytes of a safetensors file. The same tensors always give the same bytes: those of larger
 * elements first, then by name, so that each lies aligned to its element size; the header is padded
 * to a multiple of eight.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const inOrder = [...tensors].sort(
    ([nameA, a], [nameB, b]) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype] || compare(nameA, nameB),
  );
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) {
    const entries = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
    header.set('__metadata__', Object.fromEntries(entries));
  }
  let end = 0;
  for (const [name, { dtype, shape, data }] of inOrder) {
    checkTensor(name, shape, data.length);
    const start = end;
    end += data.byteLength;
    header.set(name, { dtype, shape, data_offsets: [start, end] });
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of inOrder) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function checkTensor(name: string, shape: readonly number[], length: number): void {
  if (name === '__metadata__' || name === '__proto__') {
    throw new IntentdError('bad_safetensors', `A tensor cannot be called ${JSON.stringify(name)}.`);
  }
  if (elementsOf(shape) !== length) {
    throw new IntentdError(
      'bad_safetensors',
      `Tensor ${JSON.stringify(name)} has ${length} elements, and its shape [${shape.join(', ')}] takes another number.`,
    );
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
