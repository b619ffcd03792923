import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/index.js';
import {
  EngineCache,
  buildInChild,
  type BuildStatus,
  type BuildTask,
  type EngineReport,
} from '../../../src/engine/index.js';
import { built } from '../../support/built.js';
import { writeFakeAddon, type FakeAddonSettings } from '../../support/fakeAddon.js';
import { writeTinyBundle } from '../../support/tinyBundle.js';

let command: string[];
let folder: string;
let cache: EngineCache;

beforeAll(async () => {
  command = [process.execPath, join(await built(), 'engine/builder/main.js')];
}, 120_000);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'intentd-build-'));
  await writeTinyBundle(join(folder, 'bundle'));
  cache = new EngineCache(folder);
  await cache.open();
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function taskWith(fake: FakeAddonSettings = {}, more: Partial<BuildTask['settings']> = {}): BuildTask {
  return {
    folder: join(folder, 'bundle'),
    paths: { addon: writeFakeAddon(folder, { meter: true, ...fake }), plugins: '' },
    settings: {
      attention: 'standard',
      candidates: 'int8',
      builderLevel: 3,
      workspaceMib: 1024,
      weights: { latency: 1, energy: 0, memory: 0, buckets: {} },
      ...more,
    },
    timingCache: cache.timingCache,
    enginesFolder: cache.folder,
    measureMs: 1,
  };
}

async function run(task: BuildTask, signal = new AbortController().signal) {
  const told: BuildStatus[] = [];
  const tell = (status: BuildStatus) => told.push(status);
  const report = await buildInChild({ command, task, tell, log: silentLogger, signal }, async (made) => {
    await cache.add(made.report, made.plan);
    return made.report;
  });
  return { report, told };
}

describe('the builder', () => {
  it('builds both INT8 engines, measures every bucket of both, and keeps the one it chose', async () => {
    const { report } = await run(taskWith());
    expect(report.candidates.map(({ name }) => name)).toEqual(['int8-sparse', 'int8-dense']);
    for (const { buckets, golden, planBytes } of report.candidates) {
      expect(planBytes).toBeGreaterThan(0);
      expect(golden).toMatchObject({ utterances: 3, agreement: 1 });
      expect(buckets.length).toBeGreaterThan(0);
      for (const { p50Us, p99Us, energyMj } of buckets) {
        expect(p50Us).toBeGreaterThan(0);
        expect(p99Us).toBeGreaterThanOrEqual(p50Us);
        expect(energyMj).toBeGreaterThan(0);
      }
    }
    expect(report.choice.name).toBe('int8-sparse');
    expect(await cache.verify(report.key)).toEqual(report);
  });

  it('tells how far it is from its first moment, and only forward', async () => {
    const { told } = await run(taskWith());
    expect(told[0]).toEqual({ step: 'reading the bundle', percent: 0, etaSeconds: null });
    const percents = told.map(({ percent }) => percent);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    expect(told.at(-1)).toMatchObject({ step: 'measuring', percent: 100 });
  });

  it('keeps what it timed for the next build', async () => {
    await run(taskWith());
    expect(existsSync(cache.timingCache)).toBe(true);
  });

  it('builds FP16 beside them where it is asked to', async () => {
    const { report } = await run(taskWith({}, { candidates: 'all' }));
    expect(report.candidates.map(({ name }) => name)).toEqual(['int8-sparse', 'int8-dense', 'fp16-dense']);
  });

  it('says null for energy where there is no counter', async () => {
    const { report } = await run(taskWith({ meter: false }));
    expect(report.candidates[0]!.buckets[0]!.energyMj).toBeNull();
  });

  it('killed half-way leaves nothing that loads', async () => {
    const stop = new AbortController();
    const task = taskWith({ buildMs: 5000 });
    const told: BuildStatus[] = [];
    const tell = (status: BuildStatus): void => {
      told.push(status);
      if (status.step.startsWith('building')) stop.abort(new Error('killed'));
    };
    const building = buildInChild(
      { command, task, tell, log: silentLogger, signal: stop.signal },
      ({ report }) => Promise.resolve<EngineReport>(report),
    );
    await expect(building).rejects.toThrow('killed');
    expect(await cache.list()).toEqual([]);
    expect(readdirSync(cache.folder)).toEqual([]);
  });

  it('says what is wrong where there is no GPU', async () => {
    await expect(run(taskWith({ noGpu: true }))).rejects.toMatchObject({ code: 'no_gpu' });
  });
});

describe('fault 15: too little', () => {
  it('memory to build is said before anything is built', async () => {
    const task = taskWith({ runtime: { memoryFreeBytes: 300 * 2 ** 20 }, buildMs: 60_000 });
    await expect(run(task)).rejects.toMatchObject({
      code: 'no_memory',
      message: expect.stringMatching(/needs \d+ MiB of memory, and 300 are free/) as string,
    });
  });

  it('memory of a GPU of its own is said, too', async () => {
    const task = taskWith({ runtime: { memoryFreeBytes: 2 ** 20, unifiedMemory: false }, buildMs: 60_000 });
    await expect(run(task)).rejects.toMatchObject({ code: 'no_memory' });
  });

  it('memory for all of the workspace makes it smaller', async () => {
    const { report } = await run(taskWith({ runtime: { memoryFreeBytes: 1000 * 2 ** 20 } }));
    expect(report.workspaceBytes).toBeLessThan(400 * 2 ** 20);
    expect(report.workspaceBytes).toBeGreaterThan(300 * 2 ** 20);
  });
});
