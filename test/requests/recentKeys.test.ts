import { describe, expect, it } from 'vitest';
import { RecentKeys } from '../../src/requests/recentKeys.js';

describe('keys of answered requests', () => {
  it('are known until they expire, and forgotten soon after', () => {
    const keys = new RecentKeys(60_000, 1000);
    for (let second = 0; second < 120; second++) keys.set(`k${second}`, second, second * 1000 + 60_000);
    for (let second = 0; second < 120; second++) expect(keys.get(`k${second}`)).toBe(second);
    keys.expire(120_000);
    expect(keys.get('k61')).toBe(61);
    expect(keys.get('k0')).toBeUndefined();
    expect(keys.size).toBeLessThan(60 + 15 + 1);
    keys.expire(180_000);
    expect(keys.size).toBe(0);
  });

  it('give way, the oldest first, where there are too many', () => {
    const keys = new RecentKeys(60_000, 100);
    for (let at = 0; at < 1000; at++) keys.set(`k${at}`, at, 60_000 + at * 500);
    expect(keys.size).toBeLessThanOrEqual(100);
    expect(keys.get('k999')).toBe(999);
    expect(keys.get('k1')).toBeUndefined();
  });

  it('of one long moment stay together', () => {
    const keys = new RecentKeys(60_000, 100);
    for (let at = 0; at < 150; at++) keys.set(`k${at}`, at, 60_000);
    expect(keys.get('k0')).toBe(0);
  });
});
