import { describe, expect, it } from 'vitest';
import { RecentRequests } from '../../src/telemetry/index.js';

describe('recent requests', () => {
  it('give their rate, errors and percentiles, and begin anew', () => {
    const recent = new RecentRequests(0);
    for (let i = 1; i <= 100; i++)
      recent.note({ totalUs: i * 1000, energyMj: i <= 2 ? i : null, error: null });
    recent.note({ totalUs: 9e6, energyMj: null, error: 'overloaded' });
    expect(recent.take(10_000)).toEqual({
      ratePerSecond: 10.1,
      errors: 1,
      p50Ms: 50,
      p95Ms: 95,
      p99Ms: 99,
      energyMj: 1.5,
    });
    expect(recent.take(20_000)).toEqual({
      ratePerSecond: 0,
      errors: 0,
      p50Ms: null,
      p95Ms: null,
      p99Ms: null,
      energyMj: null,
    });
  });
});
