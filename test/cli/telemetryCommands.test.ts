import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { bar, sparkline } from '../../src/cli/bars.js';
import { runCommandLine } from '../../src/cli/index.js';
import { displayWidth } from '../../src/cli/text.js';
import { RequestLog, requestLogPath } from '../../src/telemetry/index.js';
import { captureIo } from '../support/capture.js';
import { requestRow } from '../support/requestRow.js';

const stateDir = mkdtempSync(join(tmpdir(), 'intentd-figures-'));
const second = Math.floor(Date.now() / 1000) * 1000;

async function written(folder: string, work: (log: RequestLog) => void): Promise<void> {
  const limits = { commitMs: 60_000, maxPending: 1000, maxAgeMs: 1e13, maxBytes: 1e9, maxWalBytes: 1e9 };
  const log = new RequestLog({ path: requestLogPath(folder), ...limits }, systemClock, silentLogger);
  log.start();
  work(log);
  await log.stop();
}

beforeAll(() =>
  written(stateDir, (log) => {
    const rails = ['VDD_IN', 'VDD_CPU_GPU_CV'];
    const about = {
      device: 'Jetson Orin Nano',
      covers: 'board',
      total: 'VDD_IN',
      rails,
      sampleMs: 10,
    } as const;
    log.note({ table: 'meter', kind: 'ina3221', ...about });
    for (let at = 0; at < 60; at++) {
      log.record(
        requestRow({
          time: second - at * 1000,
          energyMj: 3,
          aboveIdleMj: 1,
          intent: at < 40 ? 'play' : 'stop',
        }),
      );
      const power = (rail: string, meanMw: number) => ({ rail, meanMw, maxMw: meanMw + 500 });
      const mw = [
        power('VDD_IN', 5000 + at * 10),
        power('VDD_CPU_GPU_CV', 1500),
        power('total', 5000 + at * 10),
      ];
      log.note({ table: 'power', time: second - at * 1000, rails: mw });
      const energy = { meterMj: 5000, attributedMj: 1000, idleMj: 4000, unmeasuredMs: at === 0 ? 500 : 0 };
      log.note({ table: 'energy', time: second - at * 1000, ...energy });
    }
    log.record(requestRow({ time: second, intent: null, error: 'overloaded' }));
    const state = { cpuMhz: 1510, gpuMhz: 624, temperatureC: 51.5, throttled: true, throttleEvents: 2 };
    log.note({ table: 'power_state', time: second, ...state, powerMode: '15W' });
  }),
);

async function run(...args: string[]): Promise<string[]> {
  const io = captureIo();
  expect(await runCommandLine([...args, '--state-dir', stateDir], io), io.notes.join()).toBe(0);
  if (!args.includes('--csv')) expect(Math.max(...io.printed.map(displayWidth))).toBeLessThanOrEqual(80);
  return io.printed;
}

describe('intentd stats', () => {
  it('says nothing above idle as nothing, and less than it as less', async () => {
    for (const [aboveIdleMj, said] of [
      [-1e-15, '0.00'],
      [-0.25, '-0.25'],
    ] as const) {
      const folder = mkdtempSync(join(tmpdir(), 'intentd-figures-'));
      await written(folder, (log) => {
        log.record(requestRow({ time: second, energyMj: 3, aboveIdleMj }));
      });
      const io = captureIo();
      await runCommandLine(['stats', '--state-dir', folder], io);
      expect(io.printed.join('\n')).toContain(`3.00 mJ a request, ${said} mJ of it above idle`);
    }
  });

  it('tells counts, percentiles, energy and its meter', async () => {
    const text = (await run('stats', '--since', '1h')).join('\n');
    expect(text).toMatch(/^requests +61$/m);
    expect(text).toMatch(/^errors +1$/m);
    expect(text).toMatch(/^latency ms +p50 1\.00 +p95 1\.00 +p99 1\.00 +p99\.9 1\.00 +max 1\.00$/m);
    expect(text).toMatch(/^energy +3\.00 mJ a request, 1\.00 mJ of it above idle \(60 measured\)$/m);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'measured by ina3221: the whole board of Jetson Orin Nano (VDD_IN), sampled every 10 ms',
    );
  });

  it('tells what the meter saw beside the requests, unless some of them alone are asked for', async () => {
    const text = (await run('stats', '--since', '1h')).join(' ').replaceAll(/\s+/g, ' ');
    expect(text).toContain(
      'all energy 60.00 J went to batches (20.0 %), 240 J while none ran: together 300 J, and 300 J by the meter; ' +
        'nothing is known of 0.5 s',
    );
    expect((await run('stats', '--intent', 'play')).join('\n')).not.toContain('by the meter');
  });

  it('tells each group with a bar', async () => {
    const [head, ...lines] = await run('stats', '--by', 'intent');
    expect(head).toMatch(/^intent +count +errors +p50 ms +p95 +p99 +p99\.9 +mJ +W$/);
    expect(lines[0]).toMatch(/^play +40 +0 .* 3\.00 .*█$/);
    expect(lines[1]).toMatch(/^stop +20 +0 .*█$/);
    expect(lines[0]!.match(/█/g)!.length).toBeGreaterThan(lines[1]!.match(/█/g)!.length);
    expect(lines[2]).toMatch(/^\(none\) +1 +1 +– +–/);
  });

  it('gives every figure as comma-separated values', async () => {
    const [names, first] = await run('stats', '--by', 'intent', '--csv');
    expect(names).toBe(
      'group,count,errors,outOfScope,p50Ms,p95Ms,p99Ms,p999Ms,maxMs,energyMj,aboveIdleMj,measured,meanW',
    );
    expect(first).toMatch(/^play,40,0,0,1,1,1,1,1,3,1,40,/);
  });
});

describe('intentd stats of a model with a long name', () => {
  it('leaves out a column before it cuts the version', async () => {
    const named = mkdtempSync(join(tmpdir(), 'intentd-figures-'));
    await written(named, (log) => {
      const model = 'banking77-minilm-l12-h384';
      log.record(requestRow({ model, version: '12.3.1', energyMj: 3, totalUs: 123_456, intent: null }));
    });
    const io = captureIo();
    expect(await runCommandLine(['stats', '--by', 'model', '--state-dir', named], io)).toBe(0);
    expect(io.printed[0]).not.toContain('oos');
    expect(io.printed[1]).toMatch(/^banking77-minilm-l12-h384 12\.3\.1 /);
  });
});

describe('intentd log', () => {
  it('says that nothing is kept, or nothing like that', async () => {
    const bare = mkdtempSync(join(tmpdir(), 'intentd-figures-'));
    await written(bare, () => undefined);
    const io = captureIo();
    expect(await runCommandLine(['log', '--state-dir', bare], io)).toBe(0);
    expect(io.printed).toEqual(['No request is kept yet: send one with intentd ask.']);
    expect(await run('log', '--id', 'nobody')).toEqual(['No request that is kept is like that.']);
    expect(await run('log', '--id', 'nobody', '--json')).toEqual([]);
  });

  it('names the day where not all are of today', async () => {
    const old = mkdtempSync(join(tmpdir(), 'intentd-figures-'));
    await written(old, (log) => {
      log.record(requestRow({ time: new Date(2025, 2, 7, 9, 8, 7).getTime() }));
      log.record(requestRow());
    });
    const io = captureIo();
    expect(await runCommandLine(['log', '--state-dir', old], io)).toBe(0);
    expect(io.printed[1]).toMatch(/^03-07 09:08:07 +greet /);
    expect(io.printed[2]).toMatch(/^\d\d-\d\d \d\d:\d\d:\d\d +greet /);
    const today = captureIo();
    await runCommandLine(['log', '--since', '1h', '--state-dir', old], today);
    expect(today.printed[1]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} +greet /);
  });
});

describe('intentd power', () => {
  it('tells the rails now and over time, the meter, and what power depended on', async () => {
    const text = await run('power');
    expect(text[0]).toMatch(/^rail +now W +mean W +max W +each \d+ s$/);
    expect(text[1]).toMatch(/^VDD_\w+ .* [▁▂▃▄▅▆▇█ ]+$/);
    expect(text.find((line) => line.startsWith('VDD_IN'))).toMatch(/^VDD_IN +5\.000 +5\.295 +6\.090 /);
    expect(text.join('\n')).toContain('measured by ina3221');
    expect(text.join(' ')).toContain('energy: 60.00 J went to batches (20.0 %), 240 J while none ran');
    expect(text.join(' ')).toContain('processor at 1510 MHz, GPU at 624 MHz, 51.5 °C, throttled');
    expect(text.join(' ')).toContain('power mode 15W');
  });

  it('gives every second as comma-separated values, names once', async () => {
    const lines = await run('power', '--csv');
    expect(lines[0]).toBe('time,seconds,VDD_CPU_GPU_CV W,VDD_IN W,total W');
    expect(lines).toHaveLength(61);
    expect(lines.at(-1)).toBe(`${new Date(second).toISOString()},1,1.500,5.000,5.000`);
  });

  it('gives one JSON object', async () => {
    const told = JSON.parse((await run('power', '--json')).join('\n')) as {
      rails: { overTime: unknown[] }[];
    };
    expect(told).toMatchObject({ time: second, state: { powerMode: '15W' }, meters: [{ kind: 'ina3221' }] });
    const energy = {
      meterMj: 300_000,
      attributedMj: 60_000,
      idleMj: 240_000,
      unmeasuredMs: 500,
      seconds: 60,
    };
    expect(told).toMatchObject({ energy });
    expect(told.rails).toHaveLength(3);
    expect(told.rails[0]!.overTime.length).toBeLessThanOrEqual(30);
  });

  it('follows until the end that is asked for, from its beginning', async () => {
    const until = new Date(second - 10_000).toISOString();
    const lines = await run(
      'power',
      '--follow',
      '--since',
      new Date(second - 20_000).toISOString(),
      '--until',
      until,
    );
    expect(lines).toHaveLength(12);
    expect(lines[0]).toMatch(/time +VDD_CPU_GPU_CV W +VDD_IN W +total W$/);
    expect(lines[11]).toMatch(/^\d\d:\d\d:\d\d +1\.500 +5\.100 +5\.100$/);
  });

  it('says why nothing was measured', async () => {
    const bare = mkdtempSync(join(tmpdir(), 'intentd-figures-'));
    const reason = 'no INA3221 power monitor; no RAPL energy counter';
    await written(bare, (log) => {
      log.note({ table: 'event', time: second, kind: 'energy-not-measured', detail: reason });
    });
    const io = captureIo();
    expect(await runCommandLine(['power', '--state-dir', bare], io)).toBe(0);
    expect(io.printed.join(' ')).toBe(`No power was measured then: ${reason}.`);
  });
});

describe('a sparkline', () => {
  it('reaches from nothing to the highest, with gaps where nothing is known', () => {
    expect(sparkline([0, 1, 2, 4, null, 8])).toBe('▁▂▃▅ █');
    expect(sparkline([])).toBe('');
    expect(sparkline([0, 0])).toBe('▁▁');
  });
});

describe('a bar', () => {
  it('is as long as its share, to an eighth', () => {
    expect([bar(1, 4), bar(0.5, 4), bar(0.53125, 4), bar(0, 4), bar(7, 2)]).toEqual([
      '████',
      '██',
      '██▏',
      '',
      '██',
    ]);
  });
});
