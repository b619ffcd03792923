import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NvmlMeter, type Sample } from '../../../src/telemetry/index.js';
import { built } from '../../support/built.js';
import { until } from '../../support/until.js';

const now = () => performance.now();
beforeAll(built, 180_000);

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

/** An addon whose energy counter runs `body`. */
function addon(body: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'intentd-addon-')), 'addon.cjs');
  const others = ['runtimeInfo', 'setLogSink', 'loadPlugins', 'buildEngine', 'loadEngine', 'engineInfo'];
  const rest = [...others, 'warmup', 'infer', 'unloadEngine'].map((name) => `${name}() {}`).join(', ');
  writeFileSync(path, `module.exports = { ${rest}, readGpuEnergy() { ${body} } };`);
  return path;
}

async function find(
  path: string,
  limits: { startMs?: number; hangMs?: number } = {},
  program: string = process.execPath,
) {
  const script = join(await built(), 'telemetry/meter/nvmlMain.js');
  const command = [program, script, path];
  return NvmlMeter.find(
    { command, env: process.env, intervalMs: 5, startMs: 10_000, hangMs: 5000, retryMs: 100, ...limits },
    now,
  );
}

function watch(meter: NvmlMeter) {
  const samples: Sample[] = [];
  const faults: string[] = [];
  meter.start({ onSample: (sample) => samples.push(sample), onFault: (reason) => faults.push(reason) });
  cleanups.push(() => {
    meter.stop();
  });
  return { samples, faults };
}

describe('the energy counter of a GPU', () => {
  it('is read in a process of its own and told when it moves, on our clock', async () => {
    // 100 W, in steps of 20 ms.
    const meter = await find(addon('return 1e6 + Math.floor(Number(process.hrtime.bigint()) / 20e6) * 2000'));
    expect(meter.info).toMatchObject({ kind: 'nvml', covers: 'gpu', total: 'GPU' });
    const began = now();
    const { samples, faults } = watch(meter);
    await until(() => samples.length >= 30);
    expect(faults).toEqual([]);
    const [first, last] = [samples[0]!, samples.at(-1)!];
    expect(first.unit).toBe('mJ');
    expect(first.at).toBeGreaterThan(began - 1000);
    expect(last.at).toBeLessThan(now());
    const watts = (last.total - first.total) / (last.at - first.at);
    expect(watts).toBeGreaterThan(90);
    expect(watts).toBeLessThan(110);
    // Never the same step twice.
    expect(new Set(samples.map(({ total }) => total)).size).toBe(samples.length);
  });

  it('that is not there is no meter, with the reason', async () => {
    const path = addon("throw Object.assign(new Error('NVML found no GPU.'), { code: 'NO_METER' })");
    await expect(find(path)).rejects.toMatchObject({
      code: 'no_meter',
      message: "The GPU's energy counter cannot be read: NVML found no GPU.",
    });
    await expect(find('/nowhere/addon.node')).rejects.toThrow('is not there; build it');
  });

  it('that hangs is told, and its process ended and begun again', async () => {
    const path = addon('globalThis.n = (globalThis.n ?? 0) + 1; if (n > 20) for (;;); return n');
    const { samples, faults } = watch(await find(path, { hangMs: 300 }));
    // A counter that begins anew is that of a second process.
    await until(() => samples.filter(({ total }) => total === 3).length > 1, 20_000);
    expect(faults).toContain('the process of the meter said nothing for 300 ms');
    expect(faults).toContain('the process of the meter ended');
  });

  it('is tried again where its process could not be started anew', async () => {
    const path = addon('globalThis.n = (globalThis.n ?? 0) + 1; if (n > 20) process.exit(1); return n');
    const program = join(dirname(path), 'node');
    symlinkSync(process.execPath, program);
    const { samples, faults } = watch(await find(path, {}, program));
    await until(() => samples.length > 0);
    rmSync(program);
    await until(() => faults.some((reason) => reason.includes('could not be started: spawn')));
    symlinkSync(process.execPath, program);
    const before = samples.length;
    await until(() => samples.length > before);
  });
});
