import Database from 'better-sqlite3';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { RequestLog, RequestLogReader, type RequestStats } from '../../src/telemetry/index.js';
import { requestRow } from '../support/requestRow.js';

/** A log as an agent of that schema left it. */
function oldLog(version: number): string {
  const path = join(mkdtempSync(join(tmpdir(), 'intentd-old-')), 'intentd.db');
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec(readFileSync(new URL(`oldSchemas/${version}.sql`, import.meta.url), 'utf8'));
  database.close();
  return path;
}

/** What an agent of today does with it: bring it up to date, write one more row. */
async function upgraded(path: string): Promise<void> {
  const limits = { commitMs: 60_000, maxPending: 10, maxAgeMs: 1e13, maxBytes: 1e9, maxWalBytes: 1e9 };
  const log = new RequestLog({ path, ...limits }, systemClock, silentLogger);
  log.start();
  log.record(requestRow({ requestId: 'new', intent: 'lights_on', energyMj: 2.5 }));
  await log.stop();
  expect(log.counters).toMatchObject({ written: 1, failures: 0 });
}

function read<T>(path: string, work: (reader: RequestLogReader) => T): T {
  const reader = new RequestLogReader(path);
  try {
    return work(reader);
  } finally {
    reader.close();
  }
}

function rowsIn(path: string): Record<string, unknown>[] {
  const database = new Database(path, { readonly: true });
  const rows = database.prepare('SELECT * FROM request ORDER BY id').all();
  database.close();
  return rows as Record<string, unknown>[];
}

describe.each([1, 2, 3])('a log of schema %d', (version) => {
  it('is brought up to date without losing a row or changing one', async () => {
    const path = oldLog(version);
    const before = rowsIn(path);
    expect(before).toHaveLength(14);
    await upgraded(path);
    const after = rowsIn(path);
    expect(after).toHaveLength(15);
    before.forEach((row, at) => {
      expect(after[at]).toMatchObject(row);
    });
  });

  it('gives figures over all its rows, old and new', async () => {
    const path = oldLog(version);
    await upgraded(path);
    const [all] = read(path, (reader) => reader.stats({}));
    expect(all).toMatchObject({ count: 15, errors: 1, outOfScope: 1 / 14, maxMs: 2.2, measured: 14 });
    expect(all!.energyMj).toBeCloseTo(2.5, 9);
    const named = ({ group, count }: RequestStats) => [group, count];
    expect(read(path, (reader) => reader.stats({}, 'intent')).map(named)).toEqual([
      ['lights_off', 8],
      ['lights_on', 5],
      [null, 2],
    ]);
  });

  it('answers through every view of the documentation', async () => {
    const path = oldLog(version);
    await upgraded(path);
    const database = new Database(path, { readonly: true });
    const views = database.prepare("SELECT name FROM sqlite_master WHERE type = 'view'").pluck().all();
    const documented = readFileSync(new URL('../../docs/telemetry.md', import.meta.url), 'utf8');
    expect(views.length).toBeGreaterThan(9);
    for (const view of views as string[]) {
      expect(documented).toContain(`\`${view}\``);
      expect(database.prepare(`SELECT * FROM ${view}`).all()).toBeInstanceOf(Array);
    }
    expect(database.prepare('SELECT utc FROM v_requests WHERE requestId = ?').get('r0')).toEqual({
      utc: '2026-11-20 10:02:00.000',
    });
    database.close();
  });
});

describe('a log of schema 2', () => {
  it('keeps its power, builds, updates and events', async () => {
    const path = oldLog(2);
    await upgraded(path);
    const told = read(path, (reader) => ({
      happened: reader
        .happenings({ until: Date.parse('2026-11-21') }, 10)
        .map(({ kind, what }) => [kind, what]),
      meters: reader.meters(),
      power: reader.power({ since: 0, until: Date.now(), points: 1 }).rails,
    }));
    expect(told.happened).toEqual([
      ['build', 'built'],
      ['update', 'committed'],
      ['event', 'start'],
    ]);
    expect(told.meters).toMatchObject([{ kind: 'ina3221', covers: 'board', sampleMs: null }]);
    expect(told.power).toMatchObject([{ rail: 'total', meanMw: 4200, maxMw: 5100 }]);
  });
});

describe('a log of a schema that is not known yet', () => {
  it('is refused by readers, and set aside by an agent, which begins anew', async () => {
    const path = oldLog(2);
    const database = new Database(path);
    database.pragma('user_version = 99');
    database.close();
    expect(() => new RequestLogReader(path)).toThrow('has schema 99');
    const limits = { commitMs: 60_000, maxPending: 10, maxAgeMs: 1e13, maxBytes: 1e9, maxWalBytes: 1e9 };
    const log = new RequestLog({ path, ...limits }, systemClock, silentLogger);
    log.start();
    log.record(requestRow({ requestId: 'new' }));
    await log.stop();
    expect(read(path, (reader) => reader.newest({}, 10)).map(({ requestId }) => requestId)).toEqual(['new']);
    expect(rowsIn(`${path}.newer`)).toHaveLength(14);
  });
});
