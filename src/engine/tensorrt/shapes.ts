import type { Bucket, Profile } from './addon.js';

const sequences = [16, 32, 64, 128, 256, 512];
const batches = [1, 4, 16, 32];
/** A bucket of more tokens answers no more utterances a second than two smaller ones one after the other. */
const mostTokens = 4096;

/**
 * The shapes that an engine is prepared for: a batch goes into the nearest bucket at or above its own.
 *
 * @param positions of the model: no utterance is longer
 */
export function bucketsFor(positions: number): Bucket[] {
  const lengths = [
    ...sequences.filter((length) => length < positions),
    Math.min(positions, sequences.at(-1)!),
  ];
  return batches.flatMap((batch) =>
    lengths.filter((sequence) => batch * sequence <= mostTokens).map((sequence) => ({ batch, sequence })),
  );
}

/**
 * Three ranges that overlap, each tuned at one shape: one short utterance, which is most of what an agent is
 * asked; a few at a time; and whatever is longer or more. More of them would multiply plan and build time.
 */
export function profilesFor(positions: number): Profile[] {
  const longest = Math.min(positions, sequences.at(-1)!);
  const profile = (opt: readonly [number, number], max: readonly [number, number]): Profile => ({
    min: [1, 1],
    opt: [opt[0], Math.min(opt[1], longest)],
    max: [max[0], Math.min(max[1], longest)],
  });
  return [profile([1, 16], [1, 64]), profile([4, 32], [16, 128]), profile([16, 128], [32, 512])];
}

/** `4x16`: how a bucket is written in reports, settings and options. */
export function bucketName({ batch, sequence }: Bucket): string {
  return `${batch}x${sequence}`;
}

/** The most utterances of a length that fit one bucket. */
export function largestBatch(buckets: readonly Bucket[], sequence: number): number {
  return Math.max(0, ...buckets.filter((bucket) => bucket.sequence >= sequence).map(({ batch }) => batch));
}
