import { IntentdError } from '../base/index.js';
import type { TokenBatch } from './engine.js';

/** What a batch must respect: ids below `vocabulary`, at most `positions` tokens an utterance. */
export interface TokenLimits {
  readonly vocabulary: number;
  readonly positions: number;
}

/**
 * Checks that arrays have the sizes they claim, and that ids and lengths are within bounds.
 *
 * @returns the longest utterance's length.
 * @throws IntentdError `bad_tokens`
 */
export function checkTokenBatch(batch: TokenBatch, { vocabulary, positions }: TokenLimits): number {
  const { ids, lengths, size, sequence } = batch;
  if (!Number.isInteger(size) || size < 1) throw badTokens(`has the size ${size}, not 1 or more`);
  if (!Number.isInteger(sequence) || sequence < 1 || sequence > positions) {
    throw badTokens(`has a sequence of ${sequence}, not 1 to ${positions}`);
  }
  if (ids.length !== size * sequence || lengths.length !== size) {
    throw badTokens(
      `has ${ids.length} ids and ${lengths.length} lengths, not ${size * sequence} and ${size}`,
    );
  }
  for (const id of ids) {
    if (id < 0 || id >= vocabulary) throw badTokens(`has the id ${id}, not one of 0 to ${vocabulary - 1}`);
  }
  let longest = 0;
  for (const length of lengths) {
    if (length < 1 || length > sequence) throw badTokens(`has a length of ${length}, not 1 to ${sequence}`);
    if (length > longest) longest = length;
  }
  return longest;
}

/** The ids `[size, columns]` of a batch whose utterances need no more; the array itself where none is cut. */
export function idsUpTo({ ids, size, sequence }: TokenBatch, columns: number): Int32Array {
  if (columns === sequence) return ids;
  const cut = new Int32Array(size * columns);
  for (let row = 0; row < size; row++) {
    cut.set(ids.subarray(row * sequence, row * sequence + columns), row * columns);
  }
  return cut;
}

function badTokens(fault: string): IntentdError {
  return new IntentdError('bad_tokens', `The token batch ${fault}.`);
}
