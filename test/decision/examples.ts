import { createRules, type DecisionParameters, type DecisionRules } from '../../src/decision/index.js';
import { seeded } from '../support/random.js';

/** Rules over intents `a`, `b`, `c`, … with a background row and two-dimensional centroids. */
export function rulesOf(
  count: number,
  changes: Partial<DecisionParameters> = {},
  background = 1,
): DecisionRules {
  const intents = Array.from({ length: count }, (_, index) => String.fromCodePoint(97 + index));
  const angles = intents.map((_, index) => (index * Math.PI) / 2);
  const centroids = Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)]));
  return createRules(
    intents,
    { background, centroids },
    {
      temperature: 1,
      outOfScope: { score: 'maxLogit', threshold: -Infinity },
      ambiguityMargin: 0.1,
      ...changes,
    },
  );
}

/** Outputs with an embedding that points at the first intent's centroid. */
export function outputsOf(...logits: readonly number[]): { logits: Float32Array; embedding: Float32Array } {
  return { logits: Float32Array.from(logits), embedding: Float32Array.of(2, 0) };
}

/** Runs a check on many random logits, some of them very large, small, or equal. */
export function forManyLogits(
  size: number,
  check: (logits: Float32Array, random: () => number) => void,
): void {
  const random = seeded(size);
  for (let time = 0; time < 500; time += 1) {
    const scale = [0.01, 1, 10, 1e4, 1e30][time % 5]!;
    const logits = Float32Array.from({ length: size }, () => Math.round((random() - 0.5) * 64) * scale);
    check(logits, random);
  }
}
