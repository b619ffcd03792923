import { IntentdError, type Json, parseJson } from '../../base/index.js';

/** The element types that are read, and the bytes of one element. */
export const dtypeBytes = { I8: 1, U8: 1, F16: 2, BF16: 2, F32: 4, I32: 4, I64: 8 } as const;
export type Dtype = keyof typeof dtypeBytes;

/** Where one tensor lies; `start` and `end` count bytes from the end of the header. */
export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Where the tensors' bytes begin in the file. */
  readonly dataStart: number;
}

const maxHeaderBytes = 16 << 20;
const maxRank = 8;

/**
 * Reads the header of a safetensors file and believes nothing of it: the tensors must be of known
 * types, as long as their shapes say, and fill the rest of the file without overlap or hole.
 *
 * @param bytes the file, or its beginning with at least the whole header
 * @param file what error messages call the file
 * @param fileBytes how long the whole file is
 * @throws IntentdError `bad_safetensors` or `bad_json`
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  file: string,
  fileBytes = bytes.length,
): SafetensorsHeader {
  if (bytes.length < 8) {
    throw bad(file, `is ${bytes.length} bytes long, and the header's length alone takes 8`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(maxHeaderBytes, bytes.length - 8))) {
    throw bad(file, `claims a header of ${length.toString()} bytes, more than the file or 16 MiB can hold`);
  }
  const dataStart = 8 + Number(length);
  if (bytes[8] !== 0x7b || dataStart === 8) {
    throw bad(file, 'has a header that does not begin with "{"');
  }
  const header = parseJson(bytes.subarray(8, dataStart), { name: `The header of ${file}`, maxDepth: 4 });
  const metadata = new Map<string, string>();
  const tensors = new Map<string, TensorInfo>();
  for (const [name, entry] of Object.entries(objectOf(header, file, 'the header'))) {
    if (name === '__metadata__') {
      readMetadata(entry, metadata, file);
    } else {
      tensors.set(name, readTensor(entry, file, `tensor ${JSON.stringify(name)}`));
    }
  }
  checkLayout(tensors, fileBytes - dataStart, file);
  return { metadata, tensors, dataStart };
}

/** The number of elements of a shape, or `undefined` if it passes what a number counts exactly. */
export function elementsOf(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) {
      return undefined;
    }
  }
  return count;
}

function readMetadata(entry: Json | undefined, metadata: Map<string, string>, file: string): void {
  for (const [key, value] of Object.entries(objectOf(entry, file, '__metadata__'))) {
    if (typeof value !== 'string') {
      throw bad(file, `has a value in __metadata__ under ${JSON.stringify(key)} that is not text`);
    }
    metadata.set(key, value);
  }
}

function readTensor(entry: Json | undefined, file: string, what: string): TensorInfo {
  const { dtype, shape, data_offsets: offsets, ...rest } = objectOf(entry, file, what);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw bad(file, `has the unknown key ${JSON.stringify(unknown)} in ${what}`);
  }
  if (!isDtype(dtype)) {
    throw bad(file, `gives ${what} a dtype that is not one of ${Object.keys(dtypeBytes).join(', ')}`);
  }
  if (!isSizes(shape) || shape.length > maxRank) {
    throw bad(file, `gives ${what} a shape that is not a list of at most ${maxRank} whole numbers from 0`);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw bad(file, `gives ${what} data_offsets that are not two ascending whole numbers from 0`);
  }
  const [start, end] = offsets as [number, number];
  const elements = elementsOf(shape);
  if (elements === undefined || elements * dtypeBytes[dtype] !== end - start) {
    throw bad(
      file,
      `gives ${what} ${end - start} bytes, and its shape [${shape.join(', ')}] of ${dtype} takes another number`,
    );
  }
  return { dtype, shape, start, end };
}

function checkLayout(tensors: ReadonlyMap<string, TensorInfo>, dataBytes: number, file: string): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  let filled = 0;
  for (const [name, { start, end }] of inOrder) {
    if (end > dataBytes) {
      throw bad(file, `ends before tensor ${JSON.stringify(name)} does`);
    }
    if (start !== filled) {
      const fault = start < filled ? 'overlap another' : 'leave a hole before it';
      throw bad(file, `has tensor ${JSON.stringify(name)} ${fault}, and tensors must follow one another`);
    }
    filled = end;
  }
  if (filled !== dataBytes) {
    throw bad(file, `has ${dataBytes - filled} bytes at its end that belong to no tensor`);
  }
}

function objectOf(
  value: Json | undefined,
  file: string,
  what: string,
): Readonly<Record<string, Json | undefined>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(file, `has something other than an object as ${what}`);
  }
  return value;
}

function isDtype(value: Json | undefined): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(dtypeBytes, value);
}

function isSizes(value: Json | undefined): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

function bad(file: string, fault: string): IntentdError {
  return new IntentdError('bad_safetensors', `${file} ${fault}.`);
}
