import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { headToOnnx, type Head } from '../../../src/model/index.js';
import { seeded } from '../../support/random.js';

const hidden = 8;

describe('a head as ONNX', () => {
  it('is linear where it has no hidden layer', async () => {
    const head = randomHead();
    const embedding = numbers(2 * hidden, 5);
    const expected = [0, 1].map((row) =>
      affine(head.output, [...embedding.subarray(row * hidden).slice(0, hidden)]),
    );
    expect(await logitsOf(head, embedding, 2)).toEqual(closeTo(expected.flat()));
  });

  it.each([
    ['tanh', Math.tanh],
    ['relu', (x: number) => Math.max(0, x)],
  ] as const)('applies %s behind its hidden layer', async (activation, apply) => {
    const layer = { weight: numbers(6 * hidden, 1), bias: numbers(6, 2), size: 6, activation };
    const head: Head = { ...randomHead(6), hidden: layer };
    const embedding = numbers(hidden, 7);
    const middle = affine(layer, [...embedding]).map(apply);
    expect(await logitsOf(head, embedding, 1)).toEqual(closeTo(affine(head.output, middle)));
  });

  it('is refused where its weights do not fit the embedding', () => {
    expect(() => headToOnnx(randomHead(), hidden + 1)).toThrow(
      expect.objectContaining({ code: 'bad_head', message: expect.stringContaining('[5, 9]') as string }),
    );
  });
});

function randomHead(inputs = hidden): Head {
  return {
    output: { weight: numbers(5 * inputs, 3), bias: numbers(5, 4) },
    intents: 4,
    background: 1,
    encoder: 'none',
  };
}

async function logitsOf(head: Head, embedding: Float32Array, batch: number): Promise<number[]> {
  const session = await InferenceSession.create(headToOnnx(head, hidden));
  const { logits } = await session.run({ embedding: new Tensor('float32', embedding, [batch, hidden]) });
  expect(logits!.dims).toEqual([batch, 5]);
  return [...(logits!.data as Float32Array)];
}

function affine({ weight, bias }: Head['output'], input: readonly number[]): number[] {
  return Array.from(bias, (offset, row) =>
    input.reduce((sum, value, i) => sum + value * weight[row * input.length + i]!, offset),
  );
}

function numbers(count: number, seed: number): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: count }, () => random() * 2 - 1);
}

function closeTo(values: readonly number[]): number[] {
  return values.map((value) => expect.closeTo(value, 5) as number);
}
