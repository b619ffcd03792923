import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  encodeSafetensors,
  readSafetensorsFile,
  Safetensors,
  type Tensor,
} from '../../../src/model/index.js';
import { missingPython, runPython } from '../../support/python.js';
import { seeded } from '../../support/random.js';

type Entry = { dtype: unknown; shape: unknown; data_offsets: unknown } & Record<string, unknown>;

/** A file of any header, true or not, and so many bytes behind it. */
function fileOf(header: unknown, dataBytes: number, padding = ''): Uint8Array<ArrayBuffer> {
  const text = (typeof header === 'string' ? header : JSON.stringify(header)) + padding;
  const bytes = new Uint8Array(8 + Buffer.byteLength(text) + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Buffer.byteLength(text)), true);
  bytes.set(Buffer.from(text), 8);
  return bytes;
}

const entry = (start: number, end: number, changes: Partial<Entry> = {}): Entry => ({
  dtype: 'U8',
  shape: [end - start],
  data_offsets: [start, end],
  ...changes,
});

describe('what is written is read back', () => {
  test('for random tensors of every type, shape and order', () => {
    const random = seeded(8);
    for (let run = 0; run < 100; run++) {
      const tensors = randomTensors(random);
      const bytes = encodeSafetensors(tensors, { run: `${run}` });
      const file = new Safetensors(bytes, 'random');
      expect(file.metadata.get('run')).toBe(`${run}`);
      expect(new Set(file.tensors.keys())).toEqual(new Set(tensors.keys()));
      for (const [name, { dtype, shape, data }] of tensors) {
        expect(file.info(name)).toMatchObject({ dtype, shape });
        expect(read(file, name)).toEqual(data);
      }
      const reversed = new Map([...tensors].reverse());
      expect(encodeSafetensors(reversed, { run: `${run}` })).toEqual(bytes);
    }
  });

  test('a tensor that lies aligned is a view, one that does not is a copy', () => {
    const header = JSON.stringify({ a: entry(0, 8, { dtype: 'F32', shape: [2] }) });
    const toAlign = ' '.repeat(8 - (header.length % 8));
    const aligned = fileOf(header, 8, toAlign);
    expect(new Safetensors(aligned, 'f').float32('a').buffer).toBe(aligned.buffer);

    const shifted = fileOf(header, 8, `${toAlign} `);
    new DataView(shifted.buffer).setFloat32(shifted.length - 4, 2.5, true);
    const copy = new Safetensors(shifted, 'f').float32('a');
    expect([...copy]).toEqual([0, 2.5]);
    expect(copy.buffer.byteLength).toBe(8);
  });

  test('F16 and BF16 are read in single precision', () => {
    const tensors = new Map<string, Tensor>([
      ['half', { dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xc500) }],
      ['brain', { dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3f80, 0xc0a0) }],
    ]);
    const file = new Safetensors(encodeSafetensors(tensors), 'f');
    expect([...file.float32('half')]).toEqual([1, -5]);
    expect([...file.float32('brain')]).toEqual([1, -5]);
  });
});

describe('a header is refused:', () => {
  const huge = 2 ** 53 - 1;
  const cases: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
    ['a file of seven bytes', new Uint8Array(7), /is 7 bytes long/],
    ['one longer than the file', fileOf('{}', 0).fill(3, 0, 1), /claims a header of 3 bytes/],
    ['one of 2^64 - 1 bytes', fileOf('{}', 0).fill(255, 0, 8), /claims a header of 18446744073709551615/],
    ['one of more than 16 MiB', fileOf('{}', 0, ' '.repeat(1 << 24)), /claims a header of 16777218 bytes/],
    ['an empty one', fileOf('', 8), /does not begin with "{"/],
    ['one that begins with white space', fileOf(' {}', 0), /does not begin with "{"/],
    ['a list', fileOf('[]', 0), /does not begin with "{"/],
    ['broken JSON', fileOf('{"a":', 0), /is not valid JSON/],
    ['invalid UTF-8', fileOf('{"a"  ', 0).fill(0xff, 11, 12), /is not valid UTF-8/],
    ['the key __proto__', fileOf('{"__proto__":{}}', 0), /uses the key "__proto__"/],
    [
      'a name twice',
      fileOf(`{"a":${JSON.stringify(entry(0, 1))},"a":${JSON.stringify(entry(1, 2))}}`, 2),
      /the key "a" twice/,
    ],
    ['deep nesting', fileOf(`{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 0), /nests deeper than 4/],
    ['metadata that is not text', fileOf({ __metadata__: { a: 1 } }, 0), /under "a" that is not text/],
    ['metadata that is a list', fileOf({ __metadata__: [] }, 0), /other than an object as __metadata__/],
    ['a tensor that is null', fileOf({ a: null }, 0), /other than an object as tensor "a"/],
    ['an unknown type', fileOf({ a: entry(0, 1, { dtype: 'Q4' }) }, 1), /a dtype that is not one of I8/],
    [
      'a type from the prototype',
      fileOf({ a: entry(0, 1, { dtype: 'constructor' }) }, 1),
      /a dtype that is not one of/,
    ],
    ['an unknown key', fileOf({ a: entry(0, 1, { more: 1 }) }, 1), /the unknown key "more" in tensor "a"/],
    ['a negative size', fileOf({ a: entry(0, 1, { shape: [-1] }) }, 1), /a shape that is not a list/],
    ['a broken size', fileOf({ a: entry(0, 1, { shape: [0.5] }) }, 1), /a shape that is not a list/],
    ['a size as text', fileOf({ a: entry(0, 1, { shape: ['1'] }) }, 1), /a shape that is not a list/],
    [
      'nine axes',
      fileOf({ a: entry(0, 1, { shape: new Array<number>(9).fill(1) }) }, 1),
      /at most 8 whole numbers/,
    ],
    ['sizes that overflow', fileOf({ a: entry(0, 1, { shape: [huge, huge] }) }, 1), /takes another number/],
    [
      'sizes that overflow before a zero',
      fileOf({ a: entry(0, 0, { shape: [huge, huge, 0] }) }, 0),
      /takes another number/,
    ],
    ['a shape larger than its bytes', fileOf({ a: entry(0, 1, { shape: [2] }) }, 1), /takes another number/],
    [
      'a shape of wider elements than its bytes',
      fileOf({ a: entry(0, 4, { dtype: 'F32' }) }, 4),
      /takes another number/,
    ],
    ['one offset', fileOf({ a: entry(0, 1, { data_offsets: [0] }) }, 1), /data_offsets that are not two/],
    [
      'offsets that descend',
      fileOf({ a: entry(0, 1, { data_offsets: [1, 0] }) }, 1),
      /data_offsets that are not two/,
    ],
    [
      'a negative offset',
      fileOf({ a: entry(0, 1, { data_offsets: [-1, 0] }) }, 1),
      /data_offsets that are not two/,
    ],
    ['a tensor beyond the end', fileOf({ a: entry(0, 8) }, 7), /ends before tensor "a" does/],
    [
      'two tensors that overlap',
      fileOf({ a: entry(0, 4), b: entry(3, 6) }, 6),
      /has tensor "b" overlap another/,
    ],
    ['two names for one tensor', fileOf({ a: entry(0, 4), b: entry(0, 4) }, 4), /overlap another/],
    ['a hole between tensors', fileOf({ a: entry(0, 4), b: entry(5, 6) }, 6), /"b" leave a hole before it/],
    ['a hole at the start', fileOf({ a: entry(1, 4) }, 4), /"a" leave a hole before it/],
    ['bytes behind the last tensor', fileOf({ a: entry(0, 4) }, 5), /has 1 bytes at its end/],
  ];
  test.each(cases)('%s', (_, bytes, sentence) => {
    expect(() => new Safetensors(bytes, 'weights')).toThrow(sentence);
  });

  test('or read without harm, whatever bytes of a good file are changed', () => {
    const random = seeded(99);
    const good = encodeSafetensors(randomTensors(random));
    for (let run = 0; run < 2000; run++) {
      const bytes = good.slice();
      for (let change = 0; change < 3; change++) {
        bytes[Math.floor(random() * Math.min(bytes.length, 400))] = Math.floor(random() * 256);
      }
      try {
        const file = new Safetensors(bytes, 'fuzz');
        for (const name of file.tensors.keys()) {
          read(file, name);
        }
      } catch (error) {
        expect(error).toMatchObject({ name: 'IntentdError' });
      }
    }
  });
});

describe('a tensor is refused:', () => {
  const file = new Safetensors(
    encodeSafetensors(
      new Map<string, Tensor>([
        ['nan', { dtype: 'F32', shape: [3], data: Float32Array.of(0, 1, NaN) }],
        ['infinite', { dtype: 'F16', shape: [2], data: Uint16Array.of(0, 0xfc00) }],
        ['bytes', { dtype: 'I8', shape: [1], data: Int8Array.of(1) }],
      ]),
    ),
    'weights',
  );

  test('NaN', () => {
    expect(() => file.float32('nan')).toThrow('weights has NaN at element 2 of tensor "nan"');
  });
  test('an infinity in half precision', () => {
    expect(() => file.float32('infinite')).toThrow('weights has -Infinity at element 1 of tensor "infinite"');
  });
  test('another type than asked for', () => {
    expect(() => file.float32('bytes')).toThrow('tensor "bytes" as I8, and F32 or F16 or BF16 was expected');
    expect(() => file.uint8('bytes')).toThrow('tensor "bytes" as I8, and U8 was expected');
  });
  test('one that is not there', () => {
    expect(() => file.int8('toString')).toThrow('weights lacks the tensor "toString"');
  });
});

test('writing refuses data that its shape does not fit', () => {
  const tensor: Tensor = { dtype: 'I8', shape: [2, 2], data: new Int8Array(3) };
  expect(() => encodeSafetensors(new Map([['a', tensor]]))).toThrow(/has 3 elements, and its shape \[2, 2\]/);
});

const missing = missingPython('safetensors', 'numpy');
describe.skipIf(missing)(
  `the safetensors library of Python${missing ? ` (skipped: ${missing})` : ''}`,
  () => {
    test('reads what is written here, and is read here', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
      try {
        const ours = join(folder, 'ours.safetensors');
        const theirs = join(folder, 'theirs.safetensors');
        const tensors = randomTensors(seeded(5));
        tensors.delete('BF16'); // NumPy has no such type
        await writeFile(ours, encodeSafetensors(tensors, { made: 'here' }));
        runPython(new URL('../../python/copy_safetensors.py', import.meta.url), [ours, theirs]);
        const file = await readSafetensorsFile(theirs);
        expect(file.metadata.get('made')).toBe('here');
        for (const [name, { data }] of tensors) {
          expect(read(file, name)).toEqual(data);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  },
);

test('a file that is a pipe is refused without waiting for a writer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
  try {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(readSafetensorsFile(join(folder, 'pipe'))).rejects.toThrow(/is not a regular file/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** One tensor of each type, named after it, of random shape and content. */
function randomTensors(random: () => number): Map<string, Tensor> {
  const shape = () => Array.from({ length: Math.floor(random() * 4) }, () => Math.floor(random() * 5));
  const fill = <T>(size: readonly number[], make: (values: number[]) => T) =>
    make(Array.from({ length: size.reduce((a, b) => a * b, 1) }, () => Math.floor(random() * 100)));
  const list: Tensor[] = [
    of(shape(), (size) => ({ dtype: 'I8', shape: size, data: fill(size, (v) => Int8Array.from(v)) })),
    of(shape(), (size) => ({ dtype: 'U8', shape: size, data: fill(size, (v) => Uint8Array.from(v)) })),
    of(shape(), (size) => ({ dtype: 'F16', shape: size, data: fill(size, (v) => Uint16Array.from(v)) })),
    of(shape(), (size) => ({ dtype: 'BF16', shape: size, data: fill(size, (v) => Uint16Array.from(v)) })),
    of(shape(), (size) => ({ dtype: 'F32', shape: size, data: fill(size, (v) => Float32Array.from(v)) })),
    of(shape(), (size) => ({ dtype: 'I32', shape: size, data: fill(size, (v) => Int32Array.from(v)) })),
    of(shape(), (size) => ({
      dtype: 'I64',
      shape: size,
      data: fill(size, (v) => BigInt64Array.from(v.map(BigInt))),
    })),
  ];
  return new Map(list.map((tensor) => [tensor.dtype, tensor]));
}

function of(shape: number[], make: (shape: number[]) => Tensor): Tensor {
  return make(shape);
}

/** The elements as they were given to be written; half floats as their bits. */
function read(file: Safetensors, name: string): Tensor['data'] {
  const { dtype } = file.info(name);
  switch (dtype) {
    case 'I8':
      return file.int8(name);
    case 'U8':
      return file.uint8(name);
    case 'I32':
      return file.int32(name);
    case 'I64':
      return file.int64(name);
    case 'F32':
      return file.float32(name);
    case 'F16':
      return Uint16Array.from(file.float32(name), (value) => Math.round(value * 2 ** 24));
    case 'BF16':
      return Uint16Array.from(
        file.float32(name),
        (value) => new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16,
      );
  }
}
