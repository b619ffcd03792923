import { describe, expect, it } from 'vitest';
import { chooseEngine } from '../../../src/engine/builder/choose.js';

const weights = { latency: 1, energy: 0, memory: 0, buckets: {} };
const golden = { utterances: 200, inScopeAccuracy: 0.97, agreement: 1, outOfScopeAgreement: null };

interface Figures {
  readonly us: readonly [number, number];
  readonly mJ?: number | null;
  readonly bytes: number;
  readonly agreement?: number;
}

function candidate(name: string, { us, mJ = 1, bytes, agreement = 1 }: Figures) {
  const bucket = (batch: number, p50Us: number) => ({
    ...{ batch, sequence: 16, runs: 10, p50Us, p99Us: p50Us },
    energyMj: mJ,
  });
  return {
    name,
    planBytes: bytes,
    golden: { ...golden, agreement },
    buckets: [bucket(1, us[0]), bucket(16, us[1])],
  };
}

describe('the choice of an engine', () => {
  it('takes the faster one where latency differs by more than 5 %', () => {
    const both = [
      candidate('a', { us: [100, 200], bytes: 10 }),
      candidate('b', { us: [90, 185], bytes: 90 }),
    ];
    expect(chooseEngine(both, weights).name).toBe('b');
  });

  it('takes the smaller plan where it does not', () => {
    const both = [
      candidate('a', { us: [104, 208], bytes: 10 }),
      candidate('b', { us: [100, 200], bytes: 90 }),
    ];
    expect(chooseEngine(both, weights)).toMatchObject({ name: 'a', costs: { b: 1 } });
  });

  it('leaves energy out where its counter stood still or began anew', () => {
    for (const mJ of [0, -5]) {
      const both = [
        candidate('a', { us: [100, 200], mJ, bytes: 10 }),
        candidate('b', { us: [50, 100], mJ, bytes: 90 }),
      ];
      expect(chooseEngine(both, { ...weights, energy: 1 }).name).toBe('b');
      expect(chooseEngine(both, weights).name).toBe('b');
    }
  });

  it('counts the shapes that are named alone', () => {
    const both = [
      candidate('a', { us: [100, 900], bytes: 90 }),
      candidate('b', { us: [110, 200], bytes: 10 }),
    ];
    expect(chooseEngine(both, { ...weights, buckets: { '1x16': 1 } }).name).toBe('a');
    expect(chooseEngine(both, weights).name).toBe('b');
  });

  it('counts energy and memory by their weights', () => {
    const both = [
      candidate('a', { us: [100, 100], mJ: 1, bytes: 100 }),
      candidate('b', { us: [120, 120], mJ: 0.5, bytes: 50 }),
    ];
    expect(chooseEngine(both, weights).name).toBe('a');
    expect(chooseEngine(both, { ...weights, energy: 1 }).name).toBe('b');
    expect(chooseEngine(both, { ...weights, memory: 1 }).name).toBe('b');
  });

  it('leaves energy out where it was not read for every candidate', () => {
    const both = [
      candidate('a', { us: [100, 100], mJ: null, bytes: 100 }),
      candidate('b', { us: [120, 120], mJ: 0.1, bytes: 50 }),
    ];
    expect(chooseEngine(both, { ...weights, energy: 10 }).name).toBe('a');
  });

  it('never takes one that answers otherwise than the CPU engine, however fast', () => {
    const both = [
      candidate('a', { us: [100, 100], bytes: 100 }),
      candidate('b', { us: [10, 10], bytes: 10, agreement: 0.994 }),
    ];
    expect(chooseEngine(both, weights).name).toBe('a');
  });

  it('refuses all where none answers as the CPU engine does', () => {
    const one = [candidate('a', { us: [1, 1], bytes: 1, agreement: 0.5 })];
    expect(() => chooseEngine(one, weights)).toThrow('at least 99.5 %: a 50.0 %');
  });
});
