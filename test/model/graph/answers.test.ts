import { describe, expect, it } from 'vitest';
import { activationSites, encoderToOnnx } from '../../../src/model/index.js';
import { randomEncoder, randomTokens } from '../../support/randomEncoder.js';
import { referenceEmbedding } from '../../support/referenceEncoder.js';
import { cosine, embedWith, largestDifference } from './runGraph.js';

const sitesOnCpu = ['input', 'context', 'feedForwardInput', 'intermediate'] as const;

describe.each(['standard', 'onnxruntime'] as const)('the FP32 graph with %s attention', (attention) => {
  const graphOf = (encoder: Parameters<typeof encoderToOnnx>[0]): Uint8Array =>
    encoderToOnnx(encoder, { precision: 'fp32', attention });

  it('gives the reference embedding for 200 to 400 tokens, where dense attention gives another', async () => {
    const encoder = randomEncoder();
    const utterances = [200, 317, 400].map((length) => randomTokens(encoder, length, length));
    const embeddings = await embedWith(graphOf(encoder), utterances, encoder);
    for (const [i, tokens] of utterances.entries()) {
      expect(largestDifference(embeddings[i]!, referenceEmbedding(encoder, tokens))).toBeLessThan(1e-4);
      const dense = { ...encoder, attention: { windowEachSide: -1, globalTokens: 0 } };
      expect(largestDifference(embeddings[i]!, referenceEmbedding(dense, tokens))).toBeGreaterThan(1e-3);
    }
  });

  it.each([
    ['at the window', { windowEachSide: 8, globalTokens: 1 }, [8, 9, 10, 11]],
    ['self only', { windowEachSide: 0, globalTokens: 0 }, [1, 2, 12]],
    ['several global tokens', { windowEachSide: 3, globalTokens: 4 }, [3, 20]],
    ['more global tokens than tokens', { windowEachSide: 1, globalTokens: 40 }, [5, 12]],
    ['dense', { windowEachSide: -1, globalTokens: 0 }, [1, 100]],
  ])('follows the pattern: %s', async (_, pattern, lengths) => {
    const encoder = randomEncoder({ attention: pattern });
    for (const length of lengths) {
      const tokens = randomTokens(encoder, length, length);
      const [embedding] = await embedWith(graphOf(encoder), [tokens], encoder);
      expect(largestDifference(embedding!, referenceEmbedding(encoder, tokens))).toBeLessThan(1e-4);
    }
  });

  it.each([
    { pooling: 'mean', normalize: false, activation: 'gelu_new' },
    { pooling: 'cls', normalize: false, activation: 'relu' },
    { pooling: 'cls', normalize: true, activation: 'gelu' },
  ] as const)('follows the architecture: %o', async (architecture) => {
    const encoder = randomEncoder({ architecture });
    const utterances = [5, 11].map((length) => randomTokens(encoder, length, length));
    const embeddings = await embedWith(graphOf(encoder), utterances, encoder);
    for (const [i, tokens] of utterances.entries()) {
      expect(largestDifference(embeddings[i]!, referenceEmbedding(encoder, tokens))).toBeLessThan(1e-4);
    }
  });

  it('takes INT8 weights as the numbers they stand for', async () => {
    const encoder = randomEncoder({ kind: 'int8' });
    const tokens = randomTokens(encoder, 12, 3);
    const [embedding] = await embedWith(graphOf(encoder), [tokens], encoder);
    expect(largestDifference(embedding!, referenceEmbedding(encoder, tokens))).toBeLessThan(1e-4);
  });
});

describe('the INT8 graph for ONNX Runtime', () => {
  const encoder = randomEncoder({ kind: 'int8', sparse: (_, linear) => linear !== 'attention.query' });
  const utterances = [1, 12, 64, 65, 66, 300].map((length) => randomTokens(encoder, length, length + 1));

  it.each(['u8s8', 'u8u8'] as const)(
    'gives the reference with the same steps, weights as %s',
    async (weights) => {
      const onnx = encoderToOnnx(encoder, { precision: 'int8', attention: 'onnxruntime', weights });
      const embeddings = await embedWith(onnx, utterances, encoder);
      for (const [i, tokens] of utterances.entries()) {
        const reference = referenceEmbedding(encoder, tokens, { quantized: sitesOnCpu });
        expect(cosine(embeddings[i]!, reference)).toBeGreaterThan(0.9999);
      }
    },
  );
});

describe('the INT8 graph for TensorRT, with standard attention', () => {
  const encoder = randomEncoder({ kind: 'int8', sparse: (_, linear) => linear !== 'attention.query' });
  const utterances = [2, 12, 64, 66, 300].map((length) => randomTokens(encoder, length, length + 1));
  const onnx = encoderToOnnx(encoder, { precision: 'int8', attention: 'standard' });

  it('gives the reference with every site quantized', async () => {
    const embeddings = await embedWith(onnx, utterances, encoder);
    for (const [i, tokens] of utterances.entries()) {
      const reference = referenceEmbedding(encoder, tokens, { quantized: activationSites });
      expect(cosine(embeddings[i]!, reference)).toBeGreaterThan(0.999);
    }
  });

  it('agrees with the INT8 graph for ONNX Runtime, which quantizes less', async () => {
    const cpu = encoderToOnnx(encoder, { precision: 'int8', attention: 'onnxruntime' });
    const [onGpu, onCpu] = [
      await embedWith(onnx, utterances, encoder),
      await embedWith(cpu, utterances, encoder),
    ];
    for (const [i, embedding] of onCpu.entries()) expect(cosine(embedding, onGpu[i]!)).toBeGreaterThan(0.95);
  });
});

describe('the FP16 graph with standard attention', () => {
  it('gives the reference within what halves can hold', async () => {
    const encoder = randomEncoder();
    const utterances = [12, 200].map((length) => randomTokens(encoder, length, length));
    const onnx = encoderToOnnx(encoder, { precision: 'fp16', attention: 'standard' });
    const embeddings = await embedWith(onnx, utterances, encoder);
    for (const [i, tokens] of utterances.entries()) {
      expect(largestDifference(embeddings[i]!, referenceEmbedding(encoder, tokens))).toBeLessThan(5e-3);
    }
  });
});
