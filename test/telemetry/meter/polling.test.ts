import { spawn, spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  affordableIntervalMs,
  detectMeter,
  Ina3221Meter,
  PollingMeter,
  type Meter,
  type PolledMeter,
  type Sample,
} from '../../../src/telemetry/index.js';
import { boards, SysfsTree } from '../../support/sysfsTree.js';
import { until } from '../../support/until.js';

const now = () => performance.now();
const options = { intervalMs: 10, hangMs: 50, retryMs: 50 };
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function watch(meter: Meter) {
  const samples: Sample[] = [];
  const faults: string[] = [];
  meter.start({ onSample: (sample) => samples.push(sample), onFault: (reason) => faults.push(reason) });
  cleanups.push(() => {
    meter.stop();
  });
  return { samples, faults };
}

/** A meter whose readings come back when the test says so. */
function slow(): { meter: PolledMeter; open: ((sample: Sample) => void)[] } {
  const open: ((sample: Sample) => void)[] = [];
  const info = { kind: 'ina3221', device: '', rails: [], covers: 'board', total: '' } as const;
  const read = () => new Promise<Sample>((resolve) => open.push(resolve));
  return { open, meter: { info, read, close: () => undefined } };
}

describe('samples of a meter', () => {
  it('come a hundred times a second', async () => {
    const { meter } = await detectMeter(
      { kind: 'auto', intervalMs: 10, sysfs: SysfsTree.ofJetson(boards.orinNano).root, gpu: false },
      now,
    );
    const { samples, faults } = watch(meter!);
    await until(() => samples.length > 100);
    expect(faults).toEqual([]);
    const span = samples.at(-1)!.at - samples[10]!.at;
    // A machine that others use too may be late; it is never early.
    expect((samples.length - 11) / (span / 1000)).toBeGreaterThan(40);
    expect((samples.length - 11) / (span / 1000)).toBeLessThan(101);
  });

  it('come as often as their cost allows', () => {
    expect(affordableIntervalMs(10, { wallMs: 4, cpuMs: 0.3 })).toBe(10);
    expect(affordableIntervalMs(10, { wallMs: 30, cpuMs: 0.3 })).toBe(60);
    expect(affordableIntervalMs(10, { wallMs: 4, cpuMs: 2 })).toBe(40);
  });
});

describe('fault 29: a rail', () => {
  it('that hangs is told once, and no reading is piled on it', async () => {
    const { meter, open } = slow();
    const { samples, faults } = watch(new PollingMeter(meter, options, now));
    await until(() => faults.length > 0);
    // As long as twenty intervals, and four tries after a failure: another reading would have begun.
    const toldAt = now();
    await until(() => now() > toldAt + 200);
    expect(open).toHaveLength(1);
    expect(faults).toEqual(['a reading has not come back for 50 ms']);
    open[0]!({ at: now(), unit: 'mW', total: 1, rails: [] });
    await until(() => open.length > 1);
    expect(samples).toEqual([]);
  });

  it('that is a pipe nobody writes to hangs a thread of the pool, and nothing else', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const current = tree.path('bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input');
    rmSync(current);
    spawnSync('mkfifo', [current]);
    const { meter } = await detectMeter({ kind: 'auto', intervalMs: 10, sysfs: tree.root, gpu: false }, now);
    // Somebody opens it at last: a reading on the event loop would hold everything up until then, and no longer.
    const writer = spawn('sh', ['-c', 'sleep 1.5; : >"$0"', current]);
    const { samples, faults } = watch(meter!);
    let longest = 0;
    let last = now();
    const turns = setInterval(() => {
      longest = Math.max(longest, now() - last);
      last = now();
    }, 10);
    await until(() => writer.exitCode === 0 && faults.length > 1);
    clearInterval(turns);
    expect(longest).toBeLessThan(1000);
    expect(samples).toEqual([]);
    expect(faults[0]).toBe('a reading has not come back for 500 ms');
  });

  it('that vanishes or talks nonsense is told, tried again, and used when it is well', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const current = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input';
    const { samples, faults } = watch(new PollingMeter((await Ina3221Meter.find(tree.root))!, options, now));
    await until(() => samples.length > 10);
    tree.write(current, 'nonsense');
    await until(() => faults.length > 0);
    expect(faults[0]).toContain('"nonsense" is no whole number');
    renameSync(tree.path(current), tree.path('away'));
    await until(() => faults.at(-1)!.includes('ENOENT'));
    const seen = samples.length;
    tree.write(current, '1000');
    await until(() => samples.length > seen + 3);
    const told = faults.length;
    await until(() => samples.length > seen + 20);
    expect(faults).toHaveLength(told);
  });

  it('that talks nonsense from the start is used when it is well', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const current = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input';
    const meter = (await Ina3221Meter.find(tree.root))!;
    tree.write(current, 'nonsense');
    const { samples, faults } = watch(new PollingMeter(meter, options, now));
    await until(() => faults.length > 1);
    expect(samples).toEqual([]);
    tree.write(current, '1000');
    await until(() => samples.length > 3);
  });
});
