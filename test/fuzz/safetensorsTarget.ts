import { Safetensors, encodeSafetensors, type Tensor } from '../../src/model/index.js';
import { jsonOf, mutateBytes, mutateJson, pick, type Random } from './mutate.js';
import { codeOf, promise, type FuzzTarget } from './target.js';

/** Headers of safetensors files, and every tensor of those that are accepted. */
export function safetensorsTarget(): Promise<FuzzTarget> {
  const examples = examplesOf().map((tensors) => encodeSafetensors(tensors, { made: 'to be spoilt' }));
  return Promise.resolve({
    name: 'safetensors',
    tryOne: (random) => Promise.resolve(read(spoilt(pick(random, examples), examples, random))),
  });
}

function examplesOf(): Map<string, Tensor>[] {
  const all = new Map<string, Tensor>([
    ['a', { dtype: 'F32', shape: [2, 3], data: new Float32Array(6).fill(0.5) }],
    ['b', { dtype: 'I8', shape: [4], data: new Int8Array(4) }],
    ['c', { dtype: 'U8', shape: [3], data: new Uint8Array(3) }],
    ['d', { dtype: 'F16', shape: [2], data: new Uint16Array(2) }],
    ['e', { dtype: 'BF16', shape: [1, 1, 2], data: new Uint16Array(2) }],
    ['f', { dtype: 'I32', shape: [], data: new Int32Array(1) }],
    ['g', { dtype: 'I64', shape: [2], data: new BigInt64Array(2) }],
    ['empty', { dtype: 'F32', shape: [0, 5], data: new Float32Array(0) }],
  ]);
  return [all, new Map<string, Tensor>([...all].slice(0, 2)), new Map<string, Tensor>()];
}

/** Changes what the header says and keeps its length right, or changes any bytes of the file. */
function spoilt(bytes: Uint8Array, examples: readonly Uint8Array[], random: Random): Uint8Array<ArrayBuffer> {
  if (random() < 0.35) return Uint8Array.from(mutateBytes(bytes, examples, random));
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as unknown;
  const text = jsonOf(mutateJson(header, random));
  const file = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  const claimed = random() < 0.1 ? BigInt(Math.floor(random() * 2 ** 40)) : BigInt(text.length);
  new DataView(file.buffer).setBigUint64(0, claimed, true);
  file.set(text, 8);
  file.set(bytes.subarray(8 + length), 8 + text.length);
  return file;
}

function read(bytes: Uint8Array<ArrayBuffer>): string {
  let file;
  try {
    file = new Safetensors(bytes, 'fuzzed');
  } catch (error) {
    return codeOf(error);
  }
  let total = 0;
  for (const [name, { dtype, shape, start, end }] of file.tensors) {
    promise(start >= 0 && end <= bytes.length && start <= end, `${name} lies outside`);
    total += end - start;
    const elements = shape.reduce((product, size) => product * size, 1);
    const data = dataOf(file, name, dtype);
    promise(data === undefined || data.length === elements, `${name} has another number of elements`);
  }
  promise(total <= bytes.length, 'its tensors overlap');
  return 'accepted';
}

/** The elements; `undefined` where they are refused, as NaN is. */
function dataOf(file: Safetensors, name: string, dtype: string): { readonly length: number } | undefined {
  try {
    if (dtype === 'I8') return file.int8(name);
    if (dtype === 'U8') return file.uint8(name);
    if (dtype === 'I32') return file.int32(name);
    if (dtype === 'I64') return file.int64(name);
    return file.float32(name);
  } catch (error) {
    codeOf(error);
    return undefined;
  }
}
