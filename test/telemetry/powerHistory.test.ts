import { expect, it } from 'vitest';
import { PowerHistory } from '../../src/telemetry/powerHistory.js';

it('a counter that begins anew is no power, neither of that second nor below zero', () => {
  let at = 0;
  const history = new PowerHistory(['GPU'], () => at);
  const add = (ms: number, energyMj: number) => {
    at = ms;
    return history.add({ at, unit: 'mJ', total: energyMj, rails: [energyMj] });
  };
  // 10 W, and again after the driver was loaded anew.
  for (const [ms, energyMj] of [
    [1000, 1_000_000],
    [1500, 1_005_000],
    [1750, 0],
  ] as const)
    add(ms, energyMj);
  add(1900, 1500);
  expect(add(2000, 2500)).toEqual({
    time: 1000,
    totalMj: 6500,
    rails: [
      { rail: 'GPU', meanMw: 10_000, maxMw: 10_000 },
      { rail: 'total', meanMw: 10_000, maxMw: 10_000 },
    ],
  });
});
