/**
 * Several utterances one after another without padding: row `r` of an activation belongs to the
 * utterance `u` with `starts[u] <= r < starts[u + 1]`.
 */
export interface TokenRows {
  /** `[rows]` token ids. */
  readonly ids: Int32Array;
  /** `[utterances + 1]`; the last is the number of rows. */
  readonly starts: Int32Array;
}

/** Lays the ids of utterances, each of at least one token, one after another. */
export function layRows(utterances: readonly Int32Array[]): TokenRows {
  const starts = new Int32Array(utterances.length + 1);
  for (const [index, ids] of utterances.entries()) starts[index + 1] = starts[index]! + ids.length;
  const ids = new Int32Array(starts[utterances.length]!);
  for (const [index, own] of utterances.entries()) ids.set(own, starts[index]);
  return { ids, starts };
}

/** How many rows the first `utterances` utterances have. */
export function rowsOf(rows: TokenRows, utterances: number): number {
  return rows.starts[utterances]!;
}
