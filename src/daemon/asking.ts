import { decide, type Decision } from '../decision/index.js';
import { padTokens } from '../model/index.js';
import type { ServedModel } from '../requests/index.js';

export interface AskedBatch {
  /** In the order of the utterances. */
  readonly decisions: readonly Decision[];
  /** Time that the batch kept the worker, in microseconds; absent where the engine does not tell. */
  readonly workerUs: number | undefined;
}

/**
 * Asks a model about utterances in one batch, past all queues.
 *
 * @throws IntentdError where the engine fails, or gives what is no number
 */
export async function askBatch(
  { engine, head, rules }: ServedModel,
  utterances: readonly { readonly ids: Int32Array }[],
): Promise<AskedBatch> {
  const { logits, embeddings, workerUs } = await engine.infer(padTokens(utterances), head);
  const size = utterances.length;
  const decisions = utterances.map((_, row) =>
    decide({ logits: rowOf(logits, row, size), embedding: rowOf(embeddings, row, size) }, rules, { topK: 1 }),
  );
  return { decisions, workerUs };
}

/** The best intent, rejected or not. */
export function bestOf({ intent, alternatives }: Decision): string {
  return intent ?? alternatives[0]!.intent;
}

function rowOf(matrix: Float32Array, row: number, rows: number): Float32Array {
  const width = matrix.length / rows;
  return matrix.subarray(row * width, (row + 1) * width);
}
