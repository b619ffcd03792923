import { describe, expect, it } from 'vitest';
import {
  auroc,
  aurocInterval,
  calibrationError,
  fitTemperature,
  fitThreshold,
  measure,
  negativeLogLikelihood,
  recallAt,
  type Judged,
} from '../../src/decision/index.js';
import { seeded } from '../support/random.js';

/** Standard normal numbers. */
function normals(count: number, seed: number, shift = 0): number[] {
  const random = seeded(seed);
  return Array.from(
    { length: count },
    () => shift + Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

function judged(expected: string | null, best: string, confidence: number, score: number): Judged {
  return { expected, best, confidence, score };
}

describe('the temperature', () => {
  it('that data were drawn with is found again', () => {
    const random = seeded(5);
    const intents = 6;
    for (const temperature of [0.3, 1, 4]) {
      const logits = Float32Array.from(normals(3_000 * intents, 9), (value) => value * 3 * temperature);
      const targets = Int32Array.from({ length: 3_000 }, (_, row) => {
        const weights = Array.from(logits.subarray(row * intents, (row + 1) * intents), (z) =>
          Math.exp(z / temperature),
        );
        let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
        const drawn = weights.findIndex((weight) => (left -= weight) < 0);
        return Math.max(0, drawn);
      });
      expect(fitTemperature({ logits, targets, intents }) / temperature).toBeCloseTo(1, 1);
    }
  });

  it('is the one of the least negative log-likelihood', () => {
    const data = { logits: Float32Array.of(2, 0, 1, 3, 0, 1), targets: Int32Array.of(0, 1, 0), intents: 2 };
    const best = fitTemperature(data);
    for (const factor of [0.9, 0.99, 1.01, 1.1]) {
      expect(negativeLogLikelihood(data, best * factor)).toBeGreaterThan(negativeLogLikelihood(data, best));
    }
  });

  it('stays within bounds where everything, or nothing, is right', () => {
    const data = { logits: Float32Array.of(9, 0, 0, 9), intents: 2 };
    expect(fitTemperature({ ...data, targets: Int32Array.of(0, 1) })).toBeGreaterThan(0.019);
    expect(fitTemperature({ ...data, targets: Int32Array.of(1, 0) })).toBeLessThan(51);
  });
});

describe('the threshold', () => {
  it('rejects five of a hundred', () => {
    const scores = normals(100, 3);
    const threshold = fitThreshold(scores);
    expect(scores.filter((score) => score < threshold)).toHaveLength(5);
  });

  it('never rejects more than asked, whatever the scores', () => {
    const random = seeded(8);
    for (let time = 1; time < 300; time += 1) {
      const scores = Array.from({ length: time }, () => Math.floor(random() * 12) / 4);
      const allowed = Math.floor(random() * 100) / 100;
      const threshold = fitThreshold(scores, allowed);
      expect(scores.filter((score) => score < threshold).length).toBeLessThanOrEqual(allowed * time + 1e-6);
      const next = Math.min(...scores.filter((score) => score > threshold), Infinity);
      expect(scores.filter((score) => score < next).length).toBeGreaterThan(allowed * time - 1e-6);
    }
  });
});

describe('the area under the ROC curve', () => {
  it('is the share of pairs in the right order, ties half, exactly', () => {
    const random = seeded(2);
    for (let time = 0; time < 100; time += 1) {
      const draw = (count: number, top: number) =>
        Array.from({ length: count }, () => Math.floor(random() * top));
      const [inScope, outside] = [draw(1 + time, 9), draw(1 + (time % 13), 6)];
      let wins = 0;
      for (const a of inScope) for (const b of outside) wins += a > b ? 1 : a === b ? 0.5 : 0;
      expect(auroc(inScope, outside)).toBe(wins / (inScope.length * outside.length));
    }
  });

  it('does not change when scores are stretched, and turns when they are negated', () => {
    const [inScope, outside] = [normals(80, 1, 1), normals(30, 2)];
    const area = auroc(inScope, outside);
    expect(auroc(inScope.map(Math.exp), outside.map(Math.exp))).toBe(area);
    const negated = auroc(
      inScope.map((score) => -score),
      outside.map((score) => -score),
    );
    expect(negated).toBeCloseTo(1 - area, 12);
  });

  it('has an interval that holds it, repeats itself, and narrows with more utterances', () => {
    const few = [normals(300, 1, 1.5), normals(30, 2)] as const;
    const many = [normals(3_000, 1, 1.5), normals(3_000, 2)] as const;
    const [{ low, high }, narrow] = [aurocInterval(...few), aurocInterval(...many)];
    expect(low).toBeLessThan(auroc(...few));
    expect(high).toBeGreaterThan(auroc(...few));
    expect(aurocInterval(...few)).toEqual({ low, high });
    expect(aurocInterval(...few, { seed: 2 })).not.toEqual({ low, high });
    expect(narrow.high - narrow.low).toBeLessThan((high - low) / 3);
  });

  it('lies within its 95 % interval in about 95 of 100 samples', () => {
    const truth = 0.8555778; // Φ(1.5 / √2), for two normal distributions 1.5 apart
    let held = 0;
    for (let sample = 0; sample < 200; sample += 1) {
      const scores = [normals(120, 10 + sample, 1.5), normals(40, 9_000 + sample)] as const;
      const { low, high } = aurocInterval(...scores, { resamples: 400, seed: sample });
      if (low <= truth && truth <= high) held += 1;
    }
    expect(held / 200).toBeGreaterThan(0.89);
    expect(held / 200).toBeLessThan(0.99);
  });
});

describe('the figures', () => {
  const inScope = [
    judged('a', 'a', 0.9, 9),
    judged('a', 'a', 0.9, 8),
    judged('b', 'a', 0.7, 7),
    judged('b', 'b', 0.5, 1),
  ];
  const outside = [judged(null, 'a', 0.4, 0), judged(null, 'b', 0.6, 8)];

  it('count as their definitions say', () => {
    const figures = measure([...inScope, ...outside], 2);
    expect(figures).toMatchObject({
      inScope: 4,
      outOfScope: 2,
      inScopeAccuracy: 3 / 4,
      oosAuroc: (4 + 1 + 0.5) / 8,
      oosRecallAt5: 0.5,
      atThreshold: { inScopeAccuracy: 2 / 4, oosRecall: 1 / 2, falseRejection: 1 / 4 },
      confused: [{ expected: 'b', answered: 'a', count: 1 }],
    });
    expect(figures.ece).toBeCloseTo((0.2 + 0.7 + 0.5) / 4, 12);
  });

  it('say null of what is out of scope where nothing is', () => {
    expect(measure(inScope, 2)).toMatchObject({
      oosAuroc: null,
      oosAurocInterval: null,
      oosRecallAt5: null,
      atThreshold: { oosRecall: null },
    });
    expect(() => measure(outside, 2)).toThrow(RangeError);
  });

  it('name the ten most confused pairs, most frequent first', () => {
    const many = Array.from({ length: 12 }, (_, index) =>
      Array.from({ length: 1 + (index % 6) }, () => judged(`intent ${index}`, 'other', 1, 1)),
    ).flat();
    const { confused } = measure(many, 0);
    expect(confused).toHaveLength(10);
    expect(confused.map(({ count }) => count)).toEqual([6, 6, 5, 5, 4, 4, 3, 3, 2, 2]);
    expect(confused[0]!.expected).toBe('intent 11');
  });

  it('find more out of scope the more may be rejected', () => {
    const [scores, others] = [normals(500, 4, 2), normals(200, 5)];
    const recalls = [0, 0.01, 0.05, 0.2, 1].map((allowed) => recallAt(scores, others, allowed));
    expect(recalls).toEqual([...recalls].sort((a, b) => a - b));
    expect(recalls.at(-1)).toBe(1);
  });
});

describe('the calibration error', () => {
  it('is near 0 for honest confidences and near the gap for boastful ones', () => {
    const random = seeded(6);
    const answers = (boast: number) =>
      Array.from({ length: 20_000 }, () => {
        const chance = 0.3 + 0.5 * random();
        return judged('a', random() < chance ? 'a' : 'b', Math.min(1, chance + boast), 0);
      });
    expect(calibrationError(answers(0))).toBeLessThan(0.02);
    expect(calibrationError(answers(0.15))).toBeCloseTo(0.15, 1);
  });

  it('puts a confidence of 1 into the last bin', () => {
    expect(calibrationError([judged('a', 'a', 1, 0), judged('a', 'a', 1 + 1e-12, 0)])).toBeCloseTo(0, 9);
  });
});
