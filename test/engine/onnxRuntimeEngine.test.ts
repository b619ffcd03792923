import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOnnxRuntimeEngine, type Engine, type TokenBatch } from '../../src/engine/index.js';
import type { Head } from '../../src/model/index.js';
import { seeded } from '../support/random.js';
import { randomEncoder, randomTokens } from '../support/randomEncoder.js';
import { referenceEmbedding } from '../support/referenceEncoder.js';

const encoder = randomEncoder();
const digest = 'ab'.repeat(32);
const { hidden, vocabulary } = encoder.architecture;

describe('an engine on ONNX Runtime', () => {
  let engine: Engine;

  beforeEach(async () => {
    engine = await openOnnxRuntimeEngine({ encoder, digest, precision: 'fp32', threads: 1 });
  });

  afterEach(async () => {
    await engine.close();
  });

  it('says what it is', () => {
    expect(engine.info).toMatchObject({
      kind: 'onnxruntime',
      precision: 'fp32',
      form: 'fp32',
      encoder: digest,
      hidden,
    });
    expect(engine.info.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('gives each utterance of a ragged batch its embedding', async () => {
    const utterances = [12, 3, 80].map((length) => randomTokens(encoder, length, length));
    const embeddings = await engine.embed(batchOf(utterances));
    expect(embeddings).toHaveLength(3 * hidden);
    for (const [i, tokens] of utterances.entries()) {
      const expected = referenceEmbedding(encoder, tokens).map((x) => expect.closeTo(x, 4) as number);
      expect([...embeddings.subarray(i * hidden, (i + 1) * hidden)]).toEqual(expected);
    }
  });

  it('computes no further than the longest utterance, whatever the batch was padded to', async () => {
    const utterances = [12, 3].map((length) => randomTokens(encoder, length, length));
    const tight = await engine.embed(batchOf(utterances));
    const loose = await engine.embed(batchOf(utterances, 500));
    expect(loose).toEqual(tight);
  });

  it('puts several heads on one encoder, and replaces and drops them', async () => {
    const batch = batchOf([randomTokens(encoder, 5, 5), randomTokens(encoder, 9, 9)]);
    const [five, seven] = [randomHead(5), randomHead(7)];
    await engine.loadHead('lamps', five);
    await engine.loadHead('doors', seven);
    const lamps = await engine.infer(batch, 'lamps');
    expect(lamps.embeddings).toEqual(await engine.embed(batch));
    expect([...lamps.logits]).toEqual(logitsOf(five, lamps.embeddings));
    expect((await engine.infer(batch, 'doors')).logits).toHaveLength(2 * 7);
    await engine.loadHead('lamps', seven);
    expect([...(await engine.infer(batch, 'lamps')).logits]).toEqual(logitsOf(seven, lamps.embeddings));
    await engine.dropHead('lamps');
    await expect(engine.infer(batch, 'lamps')).rejects.toMatchObject({ code: 'unknown_head' });
    await expect(engine.dropHead('lamps')).rejects.toMatchObject({ code: 'unknown_head' });
  });

  it('ends what began with a head on that head, though it is replaced or dropped meanwhile', async () => {
    const batch = batchOf([randomTokens(encoder, 5, 5)]);
    await engine.loadHead('lamps', randomHead(5));
    const first = engine.infer(batch, 'lamps');
    const replaced = engine.loadHead('lamps', randomHead(7));
    expect((await first).logits).toHaveLength(5);
    await replaced;
    const second = engine.infer(batch, 'lamps');
    const dropped = engine.dropHead('lamps');
    expect((await second).logits).toHaveLength(7);
    await dropped;
  });

  it('refuses a head for embeddings of another size, and one whose sizes differ; the loaded one stays', async () => {
    await engine.loadHead('lamps', randomHead(5));
    const { output, ...rest } = randomHead(5);
    for (const odd of [
      randomHead(5, hidden + 1),
      { ...rest, output: { ...output, bias: new Float32Array(4) } },
    ]) {
      await expect(engine.loadHead('lamps', odd)).rejects.toMatchObject({
        code: 'bad_head',
        message: expect.stringContaining(`should be [5, ${hidden}] with 5 biases`) as string,
      });
    }
    const batch = batchOf([randomTokens(encoder, 5, 5)]);
    expect((await engine.infer(batch, 'lamps')).logits).toHaveLength(5);
  });

  it.each<[string, Partial<TokenBatch>, RegExp]>([
    [
      'an id past the vocabulary',
      { ids: Int32Array.of(1, vocabulary, 0, 0) },
      /the id 120, not one of 0 to 119/,
    ],
    ['a negative id', { ids: Int32Array.of(1, -1, 0, 0) }, /the id -1/],
    ['a length of zero', { lengths: Int32Array.of(2, 0) }, /a length of 0, not 1 to 2/],
    ['a length past the sequence', { lengths: Int32Array.of(3, 1) }, /a length of 3/],
    [
      'more positions than the encoder has',
      { sequence: 513, ids: new Int32Array(1026) },
      /513, not 1 to 512/,
    ],
    ['fewer ids than it says', { ids: Int32Array.of(1, 2, 3) }, /3 ids/],
    ['no utterance', { size: 0, ids: new Int32Array(0), lengths: new Int32Array(0) }, /the size 0/],
  ])('refuses a batch with %s', async (_, change, message) => {
    const batch = { ids: Int32Array.of(1, 2, 3, 0), lengths: Int32Array.of(2, 1), size: 2, sequence: 2 };
    await expect(engine.embed(batch)).resolves.toHaveLength(2 * hidden);
    const refused = engine.embed({ ...batch, ...change });
    await expect(refused).rejects.toMatchObject({
      code: 'bad_tokens',
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses work once it is closed, and closes twice without harm', async () => {
    await engine.loadHead('lamps', randomHead(5));
    await engine.close();
    await engine.close();
    const batch = batchOf([randomTokens(encoder, 5, 5)]);
    await expect(engine.embed(batch)).rejects.toMatchObject({ code: 'engine_closed' });
    await expect(engine.infer(batch, 'lamps')).rejects.toMatchObject({ code: 'engine_closed' });
    await expect(engine.loadHead('lamps', randomHead(5))).rejects.toMatchObject({
      code: 'engine_closed',
    });
  });
});

describe('an INT8 engine on ONNX Runtime', () => {
  it.each(['u8s8', 'u8u8'] as const)('names its form, %s, and gives the same answers in it', async (form) => {
    const quantized = randomEncoder({ kind: 'int8' });
    const engine = await openOnnxRuntimeEngine({ encoder: quantized, digest, form });
    expect(engine.info).toMatchObject({ precision: 'int8', form: `static-${form}` });
    const tokens = randomTokens(quantized, 12, 4);
    const reference = referenceEmbedding(quantized, tokens, {
      quantized: ['input', 'context', 'feedForwardInput', 'intermediate'],
    });
    const embedding = await engine.embed(batchOf([tokens]));
    await engine.close();
    const dot = embedding.reduce((sum, value, i) => sum + value * reference[i]!, 0);
    expect(dot).toBeGreaterThan(0.9999);
  });

  it('needs an INT8 encoder', async () => {
    await expect(openOnnxRuntimeEngine({ encoder, digest })).rejects.toMatchObject({ code: 'not_quantized' });
  });
});

function batchOf(utterances: readonly (readonly number[])[], sequence?: number): TokenBatch {
  const columns = sequence ?? Math.max(...utterances.map((tokens) => tokens.length));
  const ids = new Int32Array(utterances.length * columns);
  utterances.forEach((tokens, i) => {
    ids.set(tokens, i * columns);
  });
  const lengths = Int32Array.from(utterances, (tokens) => tokens.length);
  return { ids, lengths, size: utterances.length, sequence: columns };
}

function randomHead(outputs: number, inputs = hidden): Head {
  const random = seeded(outputs);
  const weight = Float32Array.from({ length: outputs * inputs }, () => random() - 0.5);
  const bias = Float32Array.from({ length: outputs }, () => random() - 0.5);
  return { output: { weight, bias }, intents: outputs, background: 0, encoder: digest };
}

function logitsOf({ output }: Head, embeddings: Float32Array): number[] {
  const rows = embeddings.length / hidden;
  return Array.from({ length: rows }, (_, row) =>
    Array.from(output.bias, (offset, out) => {
      const own = embeddings.subarray(row * hidden, (row + 1) * hidden);
      const sum = own.reduce((total, x, i) => total + x * output.weight[out * hidden + i]!, offset);
      return expect.closeTo(sum, 4) as number;
    }),
  ).flat();
}
