import { describe, expect, it } from 'vitest';
import { linearNames, planSparsity, prunableLayers, type PlannedShape } from '../../../src/model/index.js';

const miniLm: PlannedShape = { layers: 6, hidden: 384, feedForward: 1536 };
const bertBase: PlannedShape = { layers: 12, hidden: 768, feedForward: 3072 };

/** Layers later in the model are the more sensitive. */
function rising(shape: PlannedShape): Record<string, number> {
  return Object.fromEntries(prunableLayers(shape).map((name, index) => [name, index / 100]));
}

function shareOf(shape: PlannedShape, layers: readonly string[]): number {
  const sizes = { hidden: shape.hidden ** 2, wide: shape.hidden * shape.feedForward };
  const total = shape.layers * (4 * sizes.hidden + 2 * sizes.wide);
  const zeros = layers.map(
    (name) => (/\d\.(intermediate|output)$/.test(name) ? sizes.wide : sizes.hidden) / 2,
  );
  return zeros.reduce((sum, zero) => sum + zero, 0) / total;
}

describe('the sparsity plan', () => {
  it.each([
    { name: 'MiniLM-L6', shape: miniLm, values: 4 },
    { name: 'BERT-base', shape: bertBase, values: 7 },
  ])(
    'brings $name to 40 percent with all feed-forward, all attention outputs and some values',
    ({ shape, values }) => {
      const plan = planSparsity(shape, rising(shape));
      expect(plan.groups).toEqual([
        { name: 'feedForward', taken: 2 * shape.layers, available: 2 * shape.layers },
        { name: 'attentionOutput', taken: shape.layers, available: shape.layers },
        { name: 'value', taken: values, available: shape.layers },
      ]);
      expect(Math.abs(plan.achieved - 0.4)).toBeLessThanOrEqual(0.005);
      expect(plan.achieved).toBeCloseTo(shareOf(shape, plan.layers), 12);
    },
  );

  it('never takes query or key, whatever their sensitivity', () => {
    const sensitivities = rising(bertBase);
    for (let n = 0; n < 12; n++) {
      sensitivities[`layer.${n}.attention.query`] = 0;
      sensitivities[`layer.${n}.attention.key`] = 0;
    }
    const most = planSparsity(bertBase, sensitivities, { target: 5 / 12 });
    expect(most.layers).toHaveLength(48);
    expect(most.layers.filter((name) => /query|key/.test(name))).toEqual([]);
  });

  it('takes the least sensitive value projections', () => {
    const sensitivities = { ...rising(miniLm), 'layer.0.attention.value': 9, 'layer.3.attention.value': 8 };
    const plan = planSparsity(miniLm, sensitivities);
    expect(plan.layers.filter((name) => name.endsWith('value'))).toEqual(
      [1, 2, 4, 5].map((n) => `layer.${n}.attention.value`),
    );
  });

  it('takes only the least sensitive feed-forward layers for a small target', () => {
    const plan = planSparsity(miniLm, rising(miniLm), { target: 0.1, tolerance: 0.02 });
    expect(plan.layers).toEqual([
      'layer.0.intermediate',
      'layer.0.output',
      'layer.1.intermediate',
      'layer.1.output',
    ]);
    expect(plan.groups.map((group) => group.taken)).toEqual([4, 0, 0]);
  });

  it('begins no group before the one ahead of it is whole, even if its layers are less sensitive', () => {
    const sensitivities = Object.fromEntries(
      prunableLayers(miniLm).map((name) => [name, /attention/.test(name) ? 0 : 1]),
    );
    const plan = planSparsity(miniLm, sensitivities, { target: 0.3, tolerance: 0.02 });
    expect(plan.layers.some((name) => name.includes('attention'))).toBe(false);
  });

  it('chooses the same layers among equally sensitive ones every time, by name', () => {
    const equal = Object.fromEntries(prunableLayers(bertBase).map((name) => [name, 0.5]));
    const reversed = Object.fromEntries(Object.entries(equal).reverse());
    const plan = planSparsity(bertBase, equal);
    expect(planSparsity(bertBase, reversed)).toEqual(plan);
    expect(plan.layers.filter((name) => name.endsWith('value'))).toEqual(
      [0, 1, 2, 3, 4, 10, 11].map((n) => `layer.${n}.attention.value`),
    );
  });

  it('lands within half a point whenever some number of layers in the order of groups does', () => {
    for (const shape of [miniLm, bertBase, { layers: 3, hidden: 64, feedForward: 160 }]) {
      const reachable: number[] = [];
      for (let taken = 0; taken <= 4 * shape.layers; taken++) {
        const wide = Math.min(taken, 2 * shape.layers);
        const zeros = (wide * shape.feedForward + (taken - wide) * shape.hidden) / 2;
        reachable.push(zeros / (shape.layers * (4 * shape.hidden + 2 * shape.feedForward)));
      }
      for (let target = 0; target < 0.5; target += 0.0007) {
        const best = Math.min(...reachable.map((share) => Math.abs(share - target)));
        const plan = (): number => planSparsity(shape, rising(shape), { target }).achieved;
        if (best <= 0.005) expect(Math.abs(plan() - target)).toBeCloseTo(best, 12);
        else expect(plan).toThrow(/out of reach/);
      }
    }
  });

  it('names the most it can reach when the target needs query and key', () => {
    expect(() => planSparsity(miniLm, rising(miniLm), { target: 0.5 })).toThrow(
      'sparsity 50.00 % ± 0.50 points is out of reach: with query and key dense this encoder reaches at most 41.67 %, with 24 layers',
    );
  });

  it('names the nearest shares on both sides when layers are too large a step', () => {
    const small = { layers: 1, hidden: 32, feedForward: 128 };
    expect(() => planSparsity(small, rising(small))).toThrow(
      'the nearest shares are 37.50 % with 3 layers and 41.67 % with 4',
    );
  });

  it('leaves out layers whose inputs cannot be packed', () => {
    const odd = { layers: 2, hidden: 32, feedForward: 100 };
    expect(prunableLayers(odd).some((name) => /\d\.output$/.test(name))).toBe(false);
    const plan = planSparsity(odd, rising(odd), { target: 0.15, tolerance: 0.05 });
    expect(plan.groups[0]).toEqual({ name: 'feedForward', taken: 2, available: 2 });
  });

  it('plans nothing for a target of 0', () => {
    expect(planSparsity(miniLm, rising(miniLm), { target: 0 })).toMatchObject({ layers: [], achieved: 0 });
  });

  it('refuses sensitivities that miss a layer, are no numbers or are of another encoder', () => {
    const missing: Record<string, number> = { ...rising(miniLm) };
    delete missing['layer.2.output'];
    expect(() => planSparsity(miniLm, missing)).toThrow(/layer\.2\.output must be a finite number.*missing/);
    const broken = { ...rising(miniLm), 'layer.1.output': Number.NaN };
    expect(() => planSparsity(miniLm, broken)).toThrow(/layer\.1\.output.*NaN/);
    expect(() => planSparsity(miniLm, rising(bertBase))).toThrow(/layer\.6\.\S+ is no linear layer/);
    expect(() => planSparsity(miniLm, rising(miniLm), { target: 40 })).toThrow(/between 0 and 1, not 40/);
  });

  it('knows every linear layer of the encoder', () => {
    expect(prunableLayers({ layers: 1, hidden: 8, feedForward: 8 })).toHaveLength(linearNames.length - 2);
  });
});
