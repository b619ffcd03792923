import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { requestLogPath, Telemetry, type RequestRow } from '../../src/telemetry/index.js';
import { requestRow } from '../support/requestRow.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';
import { until } from '../support/until.js';

const current = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input';

it('fault 29: a row waits for no sample while the meter is silent, and has no energy of that time', async () => {
  const tree = SysfsTree.ofJetson(boards.orinNano);
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
  await until(() => telemetry.meter.meter !== null && telemetry.meter.fault === null);
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
  await telemetry.stop();
});
