import { describe, expect, it } from 'vitest';
import { decodeHead, encodeHead } from '../../../src/engine/worker/bodies.js';
import type { HeadWeights } from '../../../src/model/index.js';

const output = { weight: Float32Array.of(1, 2, 3, 4, 5, 6), bias: Float32Array.of(0.1, 0.2, 0.3) };
const linear: HeadWeights = { output, intents: 2, background: 1 };
const layered: HeadWeights = {
  hidden: { weight: Float32Array.of(7, 8), bias: Float32Array.of(9, 10), size: 2, activation: 'tanh' },
  ...linear,
};

describe('a head on its way to the worker', () => {
  it.each([
    ['linear', linear],
    ['with a hidden layer', layered],
  ])('arrives as it was, %s', (_, head) => {
    expect(decodeHead(Buffer.concat(encodeHead(head)))).toEqual(head);
  });

  it('is refused where it is cut, too long, or of an activation that there is not', () => {
    const bytes = Buffer.concat(encodeHead(layered));
    const odd = Buffer.from(bytes);
    odd.writeUInt32LE(3, 4);
    for (const wrong of [bytes.subarray(0, -1), Buffer.concat([bytes, bytes]), bytes.subarray(0, 10), odd]) {
      expect(() => decodeHead(wrong)).toThrow(expect.objectContaining({ code: 'bad_frame' }) as Error);
    }
  });
});
