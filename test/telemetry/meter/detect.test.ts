import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { detectMeter, type DetectOptions } from '../../../src/telemetry/index.js';
import { boards, SysfsTree } from '../../support/sysfsTree.js';

const now = () => performance.now();

function detect(tree: SysfsTree, overrides: Partial<DetectOptions> = {}) {
  return detectMeter({ kind: 'auto', intervalMs: 10, sysfs: tree.root, gpu: false, ...overrides }, now);
}

async function found(tree: SysfsTree) {
  const { meter } = await detect(tree);
  meter!.stop();
  return meter!.info;
}

/** Does `work` as a user who owns nothing, where root runs the tests; another user owns these files. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid!(65_534);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
  }
}

describe('the meter of a Jetson', () => {
  it('has the rail that holds all others as its total, where there is one', async () => {
    for (const board of [boards.orinNx, boards.orinNano]) {
      expect(await found(SysfsTree.ofJetson(board))).toEqual({
        kind: 'ina3221',
        device: board.model,
        rails: ['VDD_IN', 'VDD_CPU_GPU_CV', 'VDD_SOC'],
        covers: 'board',
        total: 'VDD_IN',
      });
    }
  });

  it('says that its total is a sum where there is none', async () => {
    expect(await found(SysfsTree.ofJetson(boards.agxOrin))).toMatchObject({
      rails: ['VDD_GPU_SOC', 'VDD_CPU_CV', 'VIN_SYS_5V0', 'VDDQ_VDD2_1V8AO'],
      total: 'sum of VDD_GPU_SOC, VDD_CPU_CV, VIN_SYS_5V0, VDDQ_VDD2_1V8AO',
    });
    expect((await found(SysfsTree.ofJetson(boards.agxXavier))).total).toBe(
      'sum of GPU, CPU, SOC, CV, VDDRQ, SYS5V',
    );
  });

  it('is found by labels, whatever numbers the kernel gave', async () => {
    expect((await found(SysfsTree.ofJetson(boards.orinNano, 5))).total).toBe('VDD_IN');
  });
});

describe('a machine that is no Jetson', () => {
  it('is measured by its processor packages', async () => {
    expect(await found(SysfsTree.ofProcessor([1000, 2000], 262_143_328_850))).toMatchObject({
      kind: 'rapl',
      rails: ['package-0', 'package-1'],
      covers: 'package',
      total: 'sum of package-0, package-1',
    });
  });

  it('says how to open counters that only root may read', async () => {
    const tree = SysfsTree.ofProcessor([1000], 1e9);
    chmodSync(tree.root, 0o755);
    chmodSync(tree.path('class/powercap/intel-rapl:0/energy_uj'), process.getuid?.() === 0 ? 0o400 : 0o000);
    expect(await asNobody(() => detect(tree))).toEqual({
      meter: null,
      reason: expect.stringContaining('systemd/intentd-rapl.tmpfiles opens it') as string,
    });
  });

  it('without any counter has no meter, and says what was looked for', async () => {
    expect(await detect(new SysfsTree())).toEqual({
      meter: null,
      reason: 'no INA3221 power monitor; no RAPL energy counter',
    });
    expect(await detect(new SysfsTree(), { kind: 'none' })).toEqual({
      meter: null,
      reason: 'telemetry.meter is none',
    });
  });
});
