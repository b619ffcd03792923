import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import type { Note } from '../../src/telemetry/index.js';
import { Metering } from '../../src/telemetry/metering.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';
import { until } from '../support/until.js';

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => vi.useRealTimers());

it('the state of the machine is noted every ten seconds, also after it could not be', async () => {
  const kept: Note['table'][] = [];
  let refused = 0;
  const refuseFirst = (note: Note): void => {
    if (note.table === 'power_state' && refused++ === 0) throw new Error('no room for it');
    kept.push(note.table);
  };
  const options = {
    kind: 'ina3221',
    intervalMs: 10,
    sysfs: SysfsTree.ofJetson(boards.orinNano).root,
    gpu: false,
  } as const;
  const metering = new Metering(options, refuseFirst, systemClock, silentLogger);
  await metering.start();
  await until(() => refused === 1);
  expect(kept).not.toContain('power_state');
  for (const times of [1, 2]) {
    vi.advanceTimersByTime(10_000);
    await until(() => kept.filter((table) => table === 'meter').length === times);
    expect(kept.filter((table) => table === 'power_state')).toHaveLength(times);
  }
  metering.stop();
});
