import Database from 'better-sqlite3';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { RequestLogReader, Telemetry, requestLogPath } from '../../src/telemetry/index.js';

const stateDir = () => mkdtempSync(join(tmpdir(), 'intentd-notes-'));
const open: Telemetry[] = [];
afterEach(async () => {
  for (const telemetry of open.splice(0)) await telemetry.stop();
});

function started(folder: string, enabled = true): Telemetry {
  const limits = { commitMs: 60_000, maxPending: 10, maxAgeMs: 1e13, maxBytes: 1e9, maxWalBytes: 1e9 };
  const meter = { kind: 'none' as const, intervalMs: 10, sysfs: join(folder, 'sys'), gpu: false };
  const telemetry = new Telemetry(
    { enabled, requestLog: { path: requestLogPath(folder), ...limits }, meter },
    systemClock,
    silentLogger,
  );
  open.push(telemetry);
  telemetry.start();
  return telemetry;
}

describe('what happened to the agent', () => {
  it('is kept and told in order, and found in the views', async () => {
    const folder = stateDir();
    const telemetry = started(folder);
    telemetry.noteBuild({ engine: 'int8-sparse', outcome: 'built', seconds: 12, detail: { key: 'k' } });
    telemetry.noteUpdate({ phase: 'rolled-back', version: '1.2.0', detail: 'golden accuracy 0.4' });
    telemetry.noteEvent('engines-failing');
    await telemetry.stop();
    const reader = new RequestLogReader(requestLogPath(folder));
    const told = reader.happenings({}, 10);
    reader.close();
    expect(told.map(({ kind, what, of, detail }) => [kind, what, of, detail])).toEqual(
      expect.arrayContaining([
        ['build', 'built', 'int8-sparse', '{"key":"k"}'],
        ['update', 'rolled-back', '1.2.0', 'golden accuracy 0.4'],
        ['event', 'start', null, null],
        ['event', 'engines-failing', null, null],
        ['event', 'stop', null, null],
      ]),
    );
    expect(told.map(({ time }) => time)).toEqual(told.map(({ time }) => time).sort((a, b) => a - b));
    const database = new Database(requestLogPath(folder), { readonly: true });
    expect(database.prepare('SELECT phase, version FROM v_updates').all()).toEqual([
      { phase: 'rolled-back', version: '1.2.0' },
    ]);
    expect(database.prepare('SELECT engine, seconds FROM v_engine_builds').all()).toEqual([
      { engine: 'int8-sparse', seconds: 12 },
    ]);
    database.close();
  });

  it('is told from a time on, the newest where there is more than asked for', async () => {
    const folder = stateDir();
    const telemetry = started(folder);
    for (let at = 0; at < 5; at++) telemetry.noteEvent(`event-${at}`);
    await telemetry.stop();
    const reader = new RequestLogReader(requestLogPath(folder));
    expect(reader.happenings({}, 2).map(({ what }) => what)).toEqual(['event-4', 'stop']);
    expect(reader.happenings({ since: Date.now() + 1000 }, 2)).toEqual([]);
    reader.close();
  });

  it('is not kept where telemetry is off', async () => {
    const folder = stateDir();
    const telemetry = started(folder, false);
    telemetry.noteEvent('engines-failing');
    await telemetry.stop();
    expect(() => new RequestLogReader(requestLogPath(folder))).toThrow('There is no request log');
  });
});
