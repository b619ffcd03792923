import { describe, expect, test } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToFloat16 } from '../../../src/model/index.js';
import { seeded } from '../../support/random.js';

const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const isNan = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;

describe('half precision', () => {
  test('every half survives the way to single precision and back', () => {
    const back = float32ToFloat16(float16ToFloat32(every));
    for (const bits of every) {
      if (isNan(bits)) {
        expect(isNan(back[bits]!)).toBe(true);
      } else if (back[bits] !== bits) {
        expect.fail(`0x${bits.toString(16)} became 0x${back[bits]!.toString(16)}`);
      }
    }
  });

  test.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3c00, 1],
    [0xc500, -5],
    [0x7bff, 65504],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x7e00, NaN],
  ])('0x%s is %d', (bits, value) => {
    expect(float16ToFloat32(Uint16Array.of(bits))[0]).toBe(value);
  });

  test('rounds to the nearest half, and a tie to the even one', () => {
    const halves = float16ToFloat32(every.slice(0, 0x7c00));
    const random = seeded(16);
    for (let run = 0; run < 20_000; run++) {
      const at = Math.floor(random() * (halves.length - 1));
      const [low, high] = [halves[at]!, halves[at + 1]!];
      const value = Math.fround(low + (high - low) * random());
      const middle = (low + high) / 2;
      const nearest = value < middle ? at : value > middle ? at + 1 : at + (at % 2);
      const found = float32ToFloat16(Float32Array.of(value, -value, middle));
      const expected = [nearest, nearest | 0x8000, at + (at % 2)];
      if (found.some((bits, i) => bits !== expected[i])) {
        expect.fail(`${value} became ${[...found].join(', ')} and not ${expected.join(', ')}`);
      }
    }
  });

  test('what lies beyond the largest half becomes infinity', () => {
    const halves = float32ToFloat16(Float32Array.of(65519.996, 65520, 1e38, -Infinity));
    expect([...halves]).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00]);
  });

  test('bfloat16 is the upper half of single precision', () => {
    const values = bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc0a0, 0x7f80, 0x0001));
    expect([...values]).toEqual([1, -5, Infinity, 2 ** -133]);
  });
});
