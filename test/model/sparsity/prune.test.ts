import { describe, expect, it } from 'vitest';
import { parseSensitivities, prune24, pruningError } from '../../../src/model/index.js';

function wave(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898) * Math.cos(i * 0.317));
}

describe('2:4 pruning', () => {
  it('keeps the two largest magnitudes of every four inputs, where they stood', () => {
    const weight = Float32Array.of(1, -4, 3, 2, -0.5, 0.1, 0.2, -0.6);
    expect([...prune24(weight, 1, 8)]).toEqual([0, -4, 3, 0, -0.5, 0, 0, Math.fround(-0.6)]);
    expect([...prune24(weight, 2, 4)]).toEqual([0, -4, 3, 0, -0.5, 0, 0, Math.fround(-0.6)]);
  });

  it('leaves at least two zeros in every group, and changes nothing it keeps', () => {
    const weight = wave(96 * 40);
    const pruned = prune24(weight, 96, 40);
    for (let start = 0; start < weight.length; start += 4) {
      const before = [...weight.subarray(start, start + 4)];
      const after = [...pruned.subarray(start, start + 4)];
      const kept = after.flatMap((value, i) => (value === 0 ? [] : [i]));
      expect(kept.length).toBeLessThanOrEqual(2);
      expect(kept.map((i) => after[i])).toEqual(kept.map((i) => before[i]));
      const least = Math.min(...kept.map((i) => Math.abs(before[i]!)));
      const dropped = before.filter((_, i) => !kept.includes(i)).map(Math.abs);
      expect(Math.max(...dropped)).toBeLessThanOrEqual(least);
    }
  });

  it('keeps the earlier of equal magnitudes', () => {
    expect([...prune24(Float32Array.of(1, -1, 1, 1, 0, 2, -2, 2), 2, 4)]).toEqual([1, -1, 0, 0, 0, 2, -2, 0]);
  });

  it('leaves a pruned matrix as it is', () => {
    const once = prune24(wave(64), 4, 16);
    expect(prune24(once, 4, 16)).toEqual(once);
  });

  it('weighs magnitudes by the importance of their input', () => {
    const pruned = prune24(Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4), 2, 4, Float32Array.of(9, 1, 1, 1));
    expect([...pruned]).toEqual([1, 0, 0, 4, 1, 0, 0, 4]);
  });

  it('refuses sizes that make no groups, and NaN', () => {
    expect(() => prune24(wave(12), 2, 6)).toThrow(/columns a multiple of 4/);
    expect(() => prune24(wave(12), 2, 8)).toThrow(/not 12 weights/);
    expect(() => prune24(Float32Array.of(1, 2, Number.NaN, 3), 1, 4)).toThrow(/NaN/);
  });
});

describe('the pruning error', () => {
  it('is the share of squared weight that is lost', () => {
    const weight = Float32Array.of(1, -4, 3, 2);
    expect(pruningError(weight, prune24(weight, 1, 4))).toBeCloseTo((1 + 4) / 30, 12);
    expect(pruningError(weight, weight)).toBe(0);
    expect(pruningError(new Float32Array(4), new Float32Array(4))).toBe(0);
  });

  it('counts each input by its second moment', () => {
    const weight = Float32Array.of(1, -4, 3, 2, 1, -4, 3, 2);
    const error = pruningError(weight, prune24(weight, 2, 4), Float32Array.of(10, 1, 1, 0));
    expect(error).toBeCloseTo(10 / (10 + 16 + 9), 12);
  });
});

describe('a sensitivities file', () => {
  it('holds a number a layer, alone or under a key', () => {
    const flat = '{"layer.0.output": 0.25}';
    expect(parseSensitivities(flat, 'F.json')).toEqual({ 'layer.0.output': 0.25 });
    expect(parseSensitivities(`{"measure": "kl", "sensitivities": ${flat}}`, 'F.json')).toEqual({
      'layer.0.output': 0.25,
    });
  });

  it('is refused with its name and the field', () => {
    expect(() => parseSensitivities('[1]', 'F.json')).toThrow(/F\.json: expected an object/);
    expect(() => parseSensitivities('{"layer.0.output": "x"}', 'F.json')).toThrow(
      'F.json: layer.0.output must be a number, not string',
    );
    expect(() => parseSensitivities('{', 'F.json')).toThrow(/F\.json: .*JSON was expected/);
  });
});
