import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { RequestLog, RequestLogReader, type Note } from '../../src/telemetry/index.js';
import { Metering } from '../../src/telemetry/metering.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';
import { until } from '../support/until.js';

const start = Date.parse('2026-11-20T10:00Z');
const hourMs = 3_600_000;

/** The energy of a time, from a log that an agent kept writing until then. */
async function kept(notes: readonly Note[], now: number) {
  const path = join(mkdtempSync(join(tmpdir(), 'intentd-energy-')), 'intentd.db');
  const limits = { commitMs: 60_000, maxPending: 10, maxAgeMs: 1e13, maxBytes: 1e9, maxWalBytes: 1e9 };
  const log = new RequestLog(
    { path, ...limits },
    { now: () => systemClock.now(), wall: () => now },
    silentLogger,
  );
  log.start();
  for (const note of notes) log.note(note);
  await log.stop();
  expect(log.counters.failures).toBe(0);
  return new RequestLogReader(path);
}

describe('where the meter’s energy went', () => {
  it('is kept by the second, and attributed and idle are together the meter’s within 5 %', async () => {
    const notes: Extract<Note, { table: 'energy' }>[] = [];
    const metering = new Metering(
      { kind: 'ina3221', intervalMs: 10, sysfs: SysfsTree.ofJetson(boards.orinNano).root, gpu: false },
      (note) => note.table === 'energy' && notes.push(note),
      systemClock,
      silentLogger,
    );
    await metering.start();
    await until(() => metering.report.fault === null);
    while (notes.length < 3) {
      const batch = metering.began(10, 1);
      await sleep(20);
      metering.ended(batch);
      await sleep(20);
    }
    metering.stop();
    const sum = (name: 'meterMj' | 'attributedMj' | 'idleMj') =>
      notes.reduce((total, note) => total + note[name], 0);
    expect(sum('meterMj')).toBeGreaterThan(0);
    expect(sum('attributedMj') / sum('meterMj')).toBeGreaterThan(0.1);
    expect(sum('idleMj') / sum('meterMj')).toBeGreaterThan(0.1);
    expect(Math.abs((sum('attributedMj') + sum('idleMj')) / sum('meterMj') - 1)).toBeLessThan(0.05);
  });

  it('is told for any time by the second, and by the hour where the seconds are gone', async () => {
    const notes = Array.from({ length: 120 }, (_, at) => {
      const time = start + at * 60_000;
      return { table: 'energy', time, meterMj: 10, attributedMj: 7, idleMj: 3, unmeasuredMs: 1 } as const;
    });
    const recent = await kept(notes, start + 2 * hourMs);
    const minutes = { since: start + 10 * 60_000, until: start + 19 * 60_000 };
    expect(recent.energy(minutes)).toEqual({
      ...{ seconds: 10, meterMj: 100, attributedMj: 70, idleMj: 30, unmeasuredMs: 10 },
    });
    expect(recent.energy({ since: start + 3 * hourMs, until: start + 4 * hourMs })).toBeNull();
    recent.close();
    const weekLater = await kept(notes, start + 7 * 24 * hourMs);
    expect(weekLater.energy({ since: start + hourMs, until: start + 2 * hourMs })).toMatchObject({
      ...{ seconds: 60, meterMj: 600, attributedMj: 420, idleMj: 180 },
    });
    weekLater.close();
  });
});
