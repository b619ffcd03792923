import { describe, expect, it } from 'vitest';
import { decide, outOfScopeScore, createRules, scoreKinds, scoreKindsOf } from '../../src/decision/index.js';
import { forManyLogits, outputsOf, rulesOf } from './examples.js';

const accept = { score: 'maxLogit', threshold: -Infinity } as const;

describe('the answer', () => {
  it('is the intent of the largest logit, with its calibrated probability and the next best', () => {
    const decision = decide(outputsOf(Math.log(2), Math.log(6), Math.log(1), Math.log(1), 0), rulesOf(4));
    expect(decision).toMatchObject({ intent: 'b', outOfScope: false, ambiguous: false });
    expect(decision.confidence).toBeCloseTo(0.6, 6);
    expect(decision.alternatives.map(({ intent }) => intent)).toEqual(['a', 'c', 'd']);
    expect(decision.alternatives[0]!.confidence).toBeCloseTo(0.2, 6);
  });

  it('is softened by the temperature', () => {
    const confidence = (temperature: number) =>
      decide(outputsOf(0, 2, 0), rulesOf(2, { temperature })).confidence;
    expect(confidence(2)).toBeCloseTo(Math.E / (1 + Math.E), 6);
    expect(confidence(1)).toBeGreaterThan(confidence(2));
  });

  it('names as many alternatives as asked for', () => {
    const named = (topK: number) =>
      decide(outputsOf(1, 2, 3, 4, 0), rulesOf(4), { topK }).alternatives.length;
    expect([0, 1, 2, 3, 10].map(named)).toEqual([0, 1, 2, 3, 3]);
  });

  it('is ambiguous if the two best probabilities differ by less than the margin', () => {
    const near = outputsOf(Math.log(0.5), Math.log(0.45), Math.log(0.05), 0);
    expect(decide(near, rulesOf(3, { ambiguityMargin: 0.051 })).ambiguous).toBe(true);
    expect(decide(near, rulesOf(3, { ambiguityMargin: 0.049 })).ambiguous).toBe(false);
    expect(decide(outputsOf(1, 0), rulesOf(1)).ambiguous).toBe(false);
  });

  it('is null under the threshold, and the best intents are still ranked', () => {
    const rules = rulesOf(3, { outOfScope: { score: 'maxLogit', threshold: 5 } });
    const decision = decide(outputsOf(3, 4, 2, 0), rules, { topK: 2 });
    expect(decision).toMatchObject({ intent: null, outOfScope: true, ambiguous: false, score: 4 });
    expect(decision.alternatives.map(({ intent }) => intent)).toEqual(['b', 'a']);
    expect(decision.confidence).toBe(decision.alternatives[0]!.confidence);
    expect(decide(outputsOf(3, 5, 2, 0), rules).intent).toBe('b');
  });
});

describe('for any logits', () => {
  it('probabilities are ranked, between 0 and 1, and add up to 1', () => {
    forManyLogits(7, (logits) => {
      const { intent, confidence, alternatives } = decide(
        { logits, embedding: new Float32Array(2) },
        rulesOf(6, { outOfScope: accept }),
        { topK: 5 },
      );
      const all = [confidence, ...alternatives.map((one) => one.confidence)];
      expect(all.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 9);
      expect(all).toEqual([...all].sort((a, b) => b - a));
      expect(all.every((one) => one >= 0 && one <= 1 + 1e-12)).toBe(true);
      expect(new Set([intent, ...alternatives.map((one) => one.intent)]).size).toBe(6);
    });
  });

  it('the answer depends neither on what is added to all logits nor on the temperature', () => {
    forManyLogits(5, (logits) => {
      const embedding = new Float32Array(2);
      const { intent } = decide({ logits, embedding }, rulesOf(4));
      expect(decide({ logits, embedding }, rulesOf(4, { temperature: 0.05 })).intent).toBe(intent);
      if (Math.abs(logits[0]!) > 1e4) return;
      const shifted = { logits: logits.map((logit) => logit + 1024), embedding };
      expect(decide(shifted, rulesOf(4)).confidence).toBeCloseTo(
        decide({ logits, embedding }, rulesOf(4)).confidence,
        4,
      );
    });
  });

  it('a filter of all intents, in any order, changes nothing', () => {
    forManyLogits(6, (logits) => {
      for (const score of scoreKinds) {
        const rules = rulesOf(5, { outOfScope: { score, threshold: 0.5 } });
        const outputs = { logits, embedding: Float32Array.of(0.3, -0.8) };
        const filtered = decide(outputs, rules, { intentFilter: ['e', 'c', 'a', 'b', 'd'] });
        const free = decide(outputs, rules);
        expect(filtered.intent).toBe(free.intent);
        expect(filtered.confidence).toBeCloseTo(free.confidence, 9);
        if (Number.isFinite(free.score)) expect(filtered.score / free.score || 1).toBeCloseTo(1, 6);
      }
    });
  });

  it('a narrower filter never raises the score', () => {
    forManyLogits(6, (logits, random) => {
      for (const score of scoreKinds) {
        const rules = rulesOf(5, { outOfScope: { score, threshold: -Infinity } });
        const outputs = { logits, embedding: Float32Array.of(random() - 0.5, random() - 0.5) };
        const wide = decide(outputs, rules, { intentFilter: ['a', 'c', 'd'] }).score;
        const narrow = decide(outputs, rules, { intentFilter: ['a', 'd'] }).score;
        expect(narrow).toBeLessThanOrEqual(wide + 1e-9 * Math.abs(wide));
      }
    });
  });
});

describe('an intent filter', () => {
  const outputs = outputsOf(Math.log(8), Math.log(3), Math.log(1), -9);

  it('restricts the candidates, which share the probability of 1', () => {
    const decision = decide(outputs, rulesOf(3), { intentFilter: ['c', 'b', 'b'] });
    expect(decision.intent).toBe('b');
    expect(decision.confidence).toBeCloseTo(0.75, 6);
    expect(decision.alternatives).toHaveLength(1);
    expect(decide(outputs, rulesOf(3), { intentFilter: ['c'] })).toMatchObject({
      intent: 'c',
      confidence: 1,
    });
  });

  it('rejects an utterance that clearly means an intent outside of it', () => {
    for (const [score, threshold] of [
      ['background', 0],
      ['maxProbability', 0.5],
    ] as const) {
      const rules = rulesOf(3, { outOfScope: { score, threshold } });
      expect(decide(outputsOf(12, 0, -1, -2), rules).intent).toBe('a');
      expect(decide(outputsOf(12, 0, -1, -2), rules, { intentFilter: ['b', 'c'] }).intent).toBe(null);
      expect(decide(outputsOf(12, 0, -1, -2), rules, { intentFilter: ['a', 'c'] }).intent).toBe('a');
    }
  });

  it('that is empty, or names what is no intent, is refused', () => {
    const refusal = (intentFilter: string[]) => () => decide(outputs, rulesOf(3), { intentFilter });
    expect(refusal(['a', 'zoo'])).toThrow(/intentFilter names "zoo"/);
    expect(refusal(['__proto__'])).toThrow(expect.objectContaining({ code: 'bad_request' }) as Error);
    expect(refusal([])).toThrow(expect.objectContaining({ code: 'bad_request' }) as Error);
  });
});

describe('the out-of-scope score', () => {
  const outputs = outputsOf(Math.log(1), Math.log(4), Math.log(3), Math.log(2));
  const scoreOf = (kind: (typeof scoreKinds)[number], temperature = 1, candidates?: number[]) =>
    outOfScopeScore(kind, outputs, rulesOf(3, { temperature }), candidates);

  it('is what the bundle format says', () => {
    expect(scoreOf('maxProbability')).toBeCloseTo(0.5, 6);
    expect(scoreOf('maxProbability', 2)).toBeCloseTo(2 / (1 + 2 + Math.sqrt(3)), 6);
    expect(scoreOf('maxLogit')).toBeCloseTo(Math.log(4), 6);
    expect(scoreOf('energy')).toBeCloseTo(Math.log(8), 6);
    expect(scoreOf('background')).toBeCloseTo(Math.log(8 / 2), 6);
    expect(scoreOf('centroid')).toBeCloseTo(1, 6);
  });

  it('counts intents that are no candidates as something else', () => {
    expect(scoreOf('maxProbability', 1, [0, 2])).toBeCloseTo(3 / 8, 6);
    expect(scoreOf('maxLogit', 1, [0, 2])).toBeCloseTo(Math.log(3), 6);
    expect(scoreOf('energy', 1, [0, 2])).toBeCloseTo(Math.log(4), 6);
    expect(scoreOf('background', 1, [0, 2])).toBeCloseTo(Math.log(4 / 6), 6);
    expect(scoreOf('centroid', 1, [1, 2])).toBeCloseTo(0, 6);
  });

  it('stays finite for logits whose exponentials are not', () => {
    const huge = outputsOf(1e30, -1e30, 5, 1e30);
    for (const kind of scoreKinds) expect(outOfScopeScore(kind, huge, rulesOf(3))).not.toBeNaN();
    expect(outOfScopeScore('energy', outputsOf(1000, 1000, 0, 0), rulesOf(3))).toBeCloseTo(
      1000 + Math.log(2),
      3,
    );
  });

  it('of a head without background rows or centroids cannot be one that needs them', () => {
    expect(scoreKindsOf({ background: 0 })).toEqual(['maxProbability', 'maxLogit', 'energy']);
    for (const score of ['background', 'centroid'] as const) {
      const parameters = { temperature: 1, outOfScope: { score, threshold: 0 }, ambiguityMargin: 0 };
      expect(() => createRules(['a'], { background: 0 }, parameters)).toThrow(`"${score}"`);
    }
  });
});

describe('outputs that are none', () => {
  it('are refused, never answered', () => {
    expect(() => decide(outputsOf(1, 2), rulesOf(3))).toThrow(/2 logits, not 4/);
    for (const wrong of [NaN, Infinity, -Infinity]) {
      expect(() => decide(outputsOf(1, wrong, 2, 0), rulesOf(3))).toThrow(
        expect.objectContaining({ code: 'bad_output' }) as Error,
      );
    }
  });
});
