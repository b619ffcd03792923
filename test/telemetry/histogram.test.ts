import { build, decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../src/telemetry/index.js';
import { seeded } from '../support/random.js';

/** Latencies in µs with a long tail. */
function latencies(count: number): number[] {
  const chance = seeded(11);
  return Array.from({ length: count }, () => Math.round(300 + 2000 * chance() ** 8 * 1000 + 700 * chance()));
}

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

const percents = [0, 1, 25, 50, 90, 95, 99, 99.9, 99.99, 100];

describe('a histogram', () => {
  it('has every percentile within 1 % of the exact one, the outermost too', () => {
    const values = latencies(100_000);
    const histogram = histogramOf(values);
    const sorted = Float64Array.from(values).sort();
    for (const percent of percents) {
      const exact = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
      expect(histogram.percentile(percent)! / exact, `p${percent}`).toBeGreaterThanOrEqual(1);
      expect(histogram.percentile(percent)! / exact, `p${percent}`).toBeLessThan(1.01);
    }
  });

  it('counts as HdrHistogram does, and is read by it', () => {
    const values = [0, 1, 127, 128, 255, 256, 257, 511, 512, 1e6, 2 ** 31 - 1, ...latencies(5000)];
    const ours = histogramOf(values);
    const theirs = build({ highestTrackableValue: 2 ** 31 - 1, numberOfSignificantValueDigits: 2 });
    for (const value of values) theirs.recordValue(value);
    const payload = deflateSync(ours.encode());
    const header = Buffer.alloc(8);
    header.writeInt32BE(0x1c849314, 0);
    header.writeInt32BE(payload.length, 4);
    const read = decodeFromCompressedBase64(Buffer.concat([header, payload]).toString('base64'));
    expect(read.totalCount).toBe(values.length);
    for (const percent of percents) {
      expect(ours.percentile(percent), `p${percent}`).toBe(theirs.getValueAtPercentile(percent));
      expect(read.getValueAtPercentile(percent), `p${percent}`).toBe(theirs.getValueAtPercentile(percent));
    }
  });

  it('is the same after it was written, and adds up', () => {
    const [first, second] = [latencies(1000), latencies(3000).slice(1000)];
    const merged = Histogram.decode(histogramOf(first).encode());
    merged.addEncoded(histogramOf(second).encode());
    const all = histogramOf([...first, ...second]);
    expect(merged.encode()).toEqual(all.encode());
    expect(merged.count).toBe(3000);
    expect(merged.countUpTo(1000)).toBe(all.countUpTo(1000));
  });

  it('takes two bytes a value at most, and 40', () => {
    expect(histogramOf(latencies(250)).encode().length).toBeLessThanOrEqual(40 + 2 * 250);
  });

  it('without values has no percentile; bytes of another kind are refused', () => {
    expect(new Histogram().percentile(50)).toBeNull();
    expect(() => Histogram.decode(Buffer.alloc(64))).toThrow('not one that intentd wrote');
    const cut = histogramOf([70_000]).encode();
    cut[cut.length - 1]! |= 0x80;
    expect(() => Histogram.decode(cut)).toThrow('ends within a number');
  });
});
