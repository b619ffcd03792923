/** Lengths that batches are padded to: what an engine may be prepared for. */
export const sequenceBuckets = [16, 32, 64, 128, 256, 512] as const;

/** The smallest bucket that holds `tokens`, or the model's positions where they are fewer. */
export function bucketOf(tokens: number, positions: number): number {
  const bucket = sequenceBuckets.find((length) => length >= tokens) ?? tokens;
  return Math.max(tokens, Math.min(bucket, positions));
}
