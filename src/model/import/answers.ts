import type { Architecture, Head } from '../encoder.js';
import { applyHead, pool, type Multiply, type TokenRows } from '../posttraining/index.js';

/** What one form of a model gives for every utterance. */
export interface Answers {
  /** `[utterances, hidden]` */
  readonly embeddings: Float32Array;
  /** `[utterances, intents + background]` */
  readonly logits: Float32Array;
}

/** Embeddings and logits of the last layer's states `[rows, hidden]`. */
export async function answersOf(
  states: Float32Array,
  rows: TokenRows,
  architecture: Architecture,
  head: Head,
  multiply: Multiply,
): Promise<Answers> {
  const embeddings = pool(states, rows, architecture);
  const utterances = embeddings.length / architecture.hidden;
  return { embeddings, logits: await applyHead(embeddings, utterances, head, multiply) };
}

/** The outputs for one utterance, background rows last. */
export function rowOf(all: Float32Array, index: number, columns: number): Float32Array {
  return all.subarray(index * columns, (index + 1) * columns);
}

/** Index of the largest value, the first among equals. */
export function largestAt(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
