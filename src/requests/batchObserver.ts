/** A batch on an engine, as who measures it knows it. */
export interface ObservedBatch {
  /** Of all its requests. */
  readonly tokens: number;
}

/** Told when batches run, and asked what they cost. */
export interface BatchObserver {
  /** @param size requests in the batch */
  began(tokens: number, size: number): ObservedBatch;
  /** The batch came back, or failed. */
  ended(batch: ObservedBatch): void;
  /** Energy of so many tokens of a batch that just ended, in mJ, estimated; `null` where nothing measures. */
  estimateMj(batch: ObservedBatch, tokens: number): number | null;
}

export const unobserved: BatchObserver = {
  began: (tokens) => ({ tokens }),
  ended: () => undefined,
  estimateMj: () => null,
};
