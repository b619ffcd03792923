import { describe, expect, test } from 'vitest';
import { pack, unpack } from '../../../src/model/index.js';
import { seeded } from '../../support/random.js';

/** Each group of four has zero, one or two values that are not zero, at random positions. */
function random24(random: () => number, rows: number, columns: number): Int8Array {
  const weight = new Int8Array(rows * columns);
  for (let group = 0; group < weight.length; group += 4) {
    for (let kept = Math.floor(random() * 3); kept > 0; kept--) {
      weight[group + Math.floor(random() * 4)] = Math.floor(random() * 255) - 127;
    }
  }
  return weight;
}

describe('2:4 packing', () => {
  test('gives back exactly what was packed, whatever the shape', () => {
    const random = seeded(24);
    for (let run = 0; run < 200; run++) {
      const rows = 1 + Math.floor(random() * 9);
      const columns = 8 * (1 + Math.floor(random() * 9));
      const weight = random24(random, rows, columns);
      const packed = pack(weight, rows, columns);
      expect(packed.values).toHaveLength((rows * columns) / 2);
      expect(packed.positions).toHaveLength((rows * columns) / 8);
      expect(unpack(packed, rows, columns)).toEqual(weight);
      expect(pack(unpack(packed, rows, columns), rows, columns)).toEqual(packed);
    }
  });

  test('lays values side by side and two groups in a byte, the first in its low half', () => {
    const weight = Int8Array.of(0, 5, 0, -6, 7, 0, 8, 0);
    const packed = pack(weight, 1, 8);
    expect(packed.values).toEqual(Int8Array.of(5, -6, 7, 8));
    expect(packed.positions).toEqual(Uint8Array.of(1 | (3 << 2) | ((0 | (2 << 2)) << 4)));
  });

  test.each([
    ['no value', [0, 0, 0, 0], [0, 0], 0b0100],
    ['a value at 0', [9, 0, 0, 0], [9, 0], 0b0100],
    ['a value at 3', [0, 0, 0, 9], [0, 9], 0b1100],
  ])('fills a group with %s up from its lowest free positions', (_, group, values, positions) => {
    const packed = pack(Int8Array.from([...group, 0, 0, 0, 0]), 1, 8);
    expect([...packed.values]).toEqual([...values, 0, 0]);
    expect(packed.positions).toEqual(Uint8Array.of(positions | (0b0100 << 4)));
  });

  test('refuses a group with three values, and says where', () => {
    const weight = new Int8Array(3 * 16);
    weight.set([1, 2, 0, 3], 16 + 8);
    expect(() => pack(weight, 3, 16, 'layer.0.output')).toThrow(
      'layer.0.output has more than two non-zeros in row 1, columns 8 to 11, so it is not 2:4.',
    );
  });

  test.each([0b0000, 0b0101, 0b0001, 0b1111, 0b1011])('refuses positions %i that do not ascend', (bits) => {
    const packed = { values: new Int8Array(4), positions: Uint8Array.of(0b0100 | (bits << 4)) };
    expect(() => unpack(packed, 1, 8)).toThrow(/in group 1, and they must ascend/);
  });

  test('refuses sizes that do not belong together', () => {
    expect(() => pack(new Int8Array(8), 2, 8)).toThrow(/8 elements, and 16/);
    expect(() => pack(new Int8Array(8), 2, 4)).toThrow(/multiple of 8/);
    expect(() => unpack({ values: new Int8Array(3), positions: new Uint8Array(1) }, 1, 8)).toThrow();
    expect(() => unpack({ values: new Int8Array(4), positions: new Uint8Array(2) }, 1, 8)).toThrow();
  });
});
