import { describe, expect, it } from 'vitest';
import { encoderToOnnx, type EncoderGraphOptions } from '../../../src/model/index.js';
import { randomEncoder, randomTokens } from '../../support/randomEncoder.js';
import { cosine, embedWith, largestDifference } from './runGraph.js';

const forms: readonly (readonly [EncoderGraphOptions, 'float' | 'int8'])[] = [
  [{ precision: 'fp32', attention: 'standard' }, 'float'],
  [{ precision: 'fp32', attention: 'onnxruntime' }, 'float'],
  [{ precision: 'int8', attention: 'onnxruntime', weights: 'u8s8' }, 'int8'],
  [{ precision: 'int8', attention: 'onnxruntime', weights: 'u8u8' }, 'int8'],
];

describe.each(forms)('an utterance in the graph %o', (options, kind) => {
  const encoder = randomEncoder({ kind });
  const onnx = encoderToOnnx(encoder, options);
  const utterances = [3, 12, 1, 40, 7, 100].map((length) => randomTokens(encoder, length, length));

  it('gets the embedding in a batch of mixed lengths that it gets alone', async () => {
    const together = await embedWith(onnx, utterances, encoder);
    for (const [i, tokens] of utterances.entries()) {
      const [alone] = await embedWith(onnx, [tokens], encoder);
      expect(largestDifference(together[i]!, alone!)).toBeLessThan(1e-3);
    }
  });

  it('gets it whatever the padding holds and however long it is', async () => {
    for (const tokens of utterances) {
      const [alone] = await embedWith(onnx, [tokens], encoder);
      for (const padding of [1, 60, 200]) {
        const [padded] = await embedWith(onnx, [tokens], encoder, padding);
        expect(largestDifference(alone!, padded!)).toBeLessThan(1e-3);
      }
    }
  });
});

describe.each([['standard'], ['onnxruntime']] as const)(
  'an utterance of no tokens, %s attention',
  (attention) => {
    it.each(['mean', 'cls'] as const)(
      'gives numbers with %s pooling, and leaves the others alone',
      async (pooling) => {
        const encoder = randomEncoder({ architecture: { pooling } });
        const onnx = encoderToOnnx(encoder, { precision: 'fp32', attention });
        const tokens = randomTokens(encoder, 80, 5);
        const [empty, full] = await embedWith(onnx, [[], tokens], encoder);
        const [alone] = await embedWith(onnx, [tokens], encoder);
        expect(empty!.every(Number.isFinite)).toBe(true);
        expect(cosine(full!, alone!)).toBeGreaterThan(0.999999);
      },
    );
  },
);
