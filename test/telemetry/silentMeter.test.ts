import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, open, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { requestLogPath, Telemetry, type RequestRow } from '../../src/telemetry/index.js';
import { requestRow } from '../support/requestRow.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';
import { until } from '../support/until.js';

const current = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input';
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Telemetry that measures by the rails of a tree, and the rows that it kept. */
async function measuring(tree: SysfsTree): Promise<{ telemetry: Telemetry; rows: RequestRow[] }> {
  const requestLog = {
    path: requestLogPath(mkdtempSync(join(tmpdir(), 'intentd-silent-'))),
    commitMs: 60_000,
    maxPending: 1000,
    maxAgeMs: 1e13,
    maxBytes: 1e9,
    maxWalBytes: 1e9,
  };
  const meter = { kind: 'ina3221', intervalMs: 10, sysfs: tree.root, gpu: false } as const;
  const telemetry = new Telemetry({ enabled: true, requestLog, meter }, systemClock, silentLogger);
  const rows: RequestRow[] = [];
  telemetry.watch((row) => rows.push(row));
  telemetry.start();
  cleanups.push(() => telemetry.stop());
  await until(() => telemetry.meter.meter !== null && telemetry.meter.fault === null);
  return { telemetry, rows };
}

/** Keeps every thread that reads files waiting, as slow sensors do; gives how to let them go. */
function hold(tree: SysfsTree): () => void {
  const pipe = tree.path('nobody-writes');
  spawnSync('mkfifo', [pipe]);
  // As many as the pool has, and some more.
  for (let thread = 0; thread < 8; thread++) {
    open(pipe, 'r', (error, descriptor) => {
      if (error === null) closeSync(descriptor);
    });
  }
  let writer: number | undefined;
  const release = (): void => {
    writer ??= openSync(pipe, constants.O_RDWR);
  };
  cleanups.push(release);
  return release;
}

it('fault 29: a row waits for no sample while the meter is silent, and has no energy of that time', async () => {
  const tree = SysfsTree.ofJetson(boards.orinNano);
  const { telemetry, rows } = await measuring(tree);
  const ask = (requestId: string): void => {
    const batch = telemetry.began(5, 1);
    telemetry.ended(batch);
    telemetry.record(requestRow({ requestId }), batch);
  };
  ask('measured');
  expect(rows).toEqual([]);
  await until(() => rows.length === 1);
  const across = telemetry.began(5, 1);
  tree.write(current, 'nonsense');
  await until(() => telemetry.meter.fault !== null);
  ask('unmeasured');
  expect(rows).toHaveLength(2);
  tree.write(current, '1000');
  await until(() => telemetry.meter.fault === null);
  telemetry.ended(across);
  telemetry.record(requestRow({ requestId: 'partly measured' }), across);
  await until(() => rows.length === 3);
  expect(rows.map(({ requestId, energyMj }) => [requestId, energyMj === null])).toEqual([
    ['measured', false],
    ['unmeasured', true],
    ['partly measured', true],
  ]);
});

it('fault 29: the time for which a reading hung is measured by nothing, and no request that fell into it', async () => {
  const tree = SysfsTree.ofJetson(boards.orinNano);
  const { telemetry, rows } = await measuring(tree);
  const before = telemetry.energy;
  const release = hold(tree);
  await until(() => telemetry.meter.fault !== null);
  const batch = telemetry.began(5, 1);
  release();
  await until(() => telemetry.meter.fault === null);
  telemetry.ended(batch);
  telemetry.record(requestRow({ requestId: 'begun in silence' }), batch);
  await until(() => rows.length === 1);
  expect(rows[0]).toMatchObject({ energyMj: null, aboveIdleMj: null, energyHow: null });
  // A reading counts as hung after half a second.
  expect(telemetry.energy.unmeasuredMs - before.unmeasuredMs).toBeGreaterThan(400);
});
