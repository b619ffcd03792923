import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Encoder } from '../../../src/model/index.js';

/** Runs an encoder's graph in ONNX Runtime on utterances padded to the longest; one embedding each. */
export async function embedWith(
  onnx: Uint8Array,
  utterances: readonly (readonly number[])[],
  { architecture: { hidden } }: Encoder,
  padding = 0,
): Promise<number[][]> {
  const session = await InferenceSession.create(onnx, {
    graphOptimizationLevel: 'basic',
    logSeverityLevel: 3,
  });
  const sequence = Math.max(...utterances.map((tokens) => tokens.length)) + padding;
  const ids = new Int32Array(utterances.length * sequence);
  utterances.forEach((tokens, i) => {
    ids.set(tokens, i * sequence);
  });
  const { embedding } = await session.run({
    tokens: new Tensor('int32', ids, [utterances.length, sequence]),
    lengths: new Tensor(
      'int32',
      Int32Array.from(utterances, (tokens) => tokens.length),
      [utterances.length],
    ),
  });
  await session.release();
  const flat = embedding!.data as Float32Array;
  return utterances.map((_, i) => [...flat.subarray(i * hidden, (i + 1) * hidden)]);
}

export function largestDifference(a: readonly number[], b: readonly number[]): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
