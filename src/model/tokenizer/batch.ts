/** Token ids `[size, sequence]` row-major, padded with 0, and `lengths` `[size]`: an engine's token batch. */
export interface PaddedTokens {
  readonly ids: Int32Array;
  readonly lengths: Int32Array;
  readonly size: number;
  readonly sequence: number;
}

/**
 * Lays the ids of several utterances, each of at least one token, side by side.
 *
 * @param sequence The padded length; the longest utterance's where it is left out. A `RangeError` is thrown
 * for a shorter one, and for a batch of nothing: both are errors of the caller.
 */
export function padTokens(
  utterances: readonly { readonly ids: Int32Array }[],
  sequence?: number,
): PaddedTokens {
  const longest = utterances.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const width = sequence ?? longest;
  if (longest === 0) throw new RangeError('a batch needs at least one token');
  if (width < longest) throw new RangeError(`an utterance of ${longest} tokens does not fit ${width}`);
  const ids = new Int32Array(utterances.length * width);
  const lengths = new Int32Array(utterances.length);
  for (const [row, utterance] of utterances.entries()) {
    ids.set(utterance.ids, row * width);
    lengths[row] = utterance.ids.length;
  }
  return { ids, lengths, size: utterances.length, sequence: width };
}
