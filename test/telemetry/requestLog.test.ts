import Database from 'better-sqlite3';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import {
  RequestLog,
  RequestLogReader,
  type RequestLogOptions,
  type RequestRow,
} from '../../src/telemetry/index.js';
import { seeded } from '../support/random.js';
import { requestRow as row } from '../support/requestRow.js';
import { until } from '../support/until.js';

function opened(overrides: Partial<RequestLogOptions> = {}) {
  const path = join(mkdtempSync(join(tmpdir(), 'intentd-log-')), 'intentd.db');
  const options = {
    path,
    commitMs: 60_000,
    maxPending: 1000,
    maxAgeMs: 1e13,
    maxBytes: 1e9,
    maxWalBytes: 1e9,
    ...overrides,
  };
  const log = new RequestLog(options, systemClock, silentLogger);
  log.start();
  return { log, path };
}

function read<T>(path: string, work: (reader: RequestLogReader) => T): T {
  const reader = new RequestLogReader(path);
  try {
    return work(reader);
  } finally {
    reader.close();
  }
}

/** The end of the step of the histogram that holds so many milliseconds: at most 1 % above. */
function step(ms: number): unknown {
  return expect.toSatisfy((told: number) => told >= ms && told < 1.01 * ms, `${ms} to 1 %`);
}

describe('the request log', () => {
  it('gives back what was recorded, in order, while the writer is open', async () => {
    const { log, path } = opened();
    log.record(row({ requestId: 'a', text: 'hello' }));
    log.record(row({ requestId: 'b', intent: null, outOfScope: true }));
    await log.flush();
    const rows = read(path, (reader) => reader.newest({}, 10));
    expect(rows).toMatchObject([
      row({ requestId: 'a', text: 'hello', time: rows[0]!.time }),
      { requestId: 'b', outOfScope: true },
    ]);
    log.record(row({ requestId: 'c' }));
    await log.flush();
    expect(read(path, (reader) => reader.after(rows[1]!.id, {})).map(({ requestId }) => requestId)).toEqual([
      'c',
    ]);
    await log.stop();
  });

  it('gives back every field of thousands that came while others were written', async () => {
    const { log, path } = opened({ maxPending: 5000 });
    const chance = seeded(3);
    const maybe = <T>(value: T): T | null => (chance() < 0.5 ? value : null);
    const one = (at: number): RequestRow => ({
      time: 1_700_000_000_000 + at,
      requestId: 'a'.repeat(Math.floor(chance() * 60)) + '–ü🦔',
      dialect: chance() < 0.5 ? 'native' : 'hermes',
      model: maybe('tiny'),
      version: maybe('1.0.0'),
      engine: maybe('onnxruntime'),
      intent: maybe('greet'),
      confidence: maybe(chance()),
      outOfScope: chance() < 0.5,
      tokens: Math.floor(chance() * 100),
      bucket: maybe(16),
      batchSize: Math.floor(chance() * 16),
      queueUs: Math.floor(chance() * 1e6),
      tokenizeUs: Math.floor(chance() * 1e3),
      inferUs: Math.floor(chance() * 1e5),
      gpuUs: maybe(Math.floor(chance() * 1e5)),
      totalUs: Math.floor(chance() * 2e6),
      energyMj: maybe(chance() * 100),
      aboveIdleMj: maybe(chance() - 0.5),
      energyHow: maybe('sampled'),
      meter: maybe('rapl'),
      sampleMs: maybe(10.5),
      error: maybe('overloaded'),
      text: maybe(chance() < 0.01 ? 'ö'.repeat(16_000) : 'switch the fan in the attic to its slowest'),
    });
    const rows = Array.from({ length: 4500 }, (_, at) => one(at));
    const written: Promise<void>[] = [];
    for (const [at, each] of rows.entries()) {
      log.record(each);
      if (at % 700 === 0) written.push(log.flush());
      if (at % 1100 === 0) await Promise.all(written);
    }
    await log.stop();
    expect(log.counters).toMatchObject({ written: 4500, pending: 0, dropped: 0 });
    const kept = read(path, (reader) => reader.newest({}, 5000));
    expect(kept).toEqual(rows.map((each, at) => ({ id: at + 1, ...each })));
  });

  it('filters', async () => {
    const { log, path } = opened();
    log.record(row({ time: 1000, requestId: 'old' }));
    log.record(row({ time: 2000, requestId: 'failed', intent: null, error: 'overloaded' }));
    log.record(row({ time: 3000, requestId: 'other', intent: 'bye' }));
    await log.stop();
    const ids = (filter: object) =>
      read(path, (reader) => reader.newest(filter, 10)).map(({ requestId }) => requestId);
    expect(ids({ since: 2000 })).toEqual(['failed', 'other']);
    expect(ids({ until: 2000, errorsOnly: true })).toEqual(['failed']);
    expect(ids({ intent: 'bye' })).toEqual(['other']);
  });

  it('counts, and ranks latencies of the answered ones', async () => {
    const { log, path } = opened();
    for (let i = 1; i <= 100; i++) log.record(row({ totalUs: i * 1000, intent: i <= 60 ? 'greet' : 'bye' }));
    log.record(row({ totalUs: 9e6, error: 'deadline_exceeded', intent: null }));
    await log.stop();
    const [all] = read(path, (reader) => reader.stats({}));
    expect(all).toEqual({
      group: null,
      count: 101,
      errors: 1,
      outOfScope: 0,
      p50Ms: step(50),
      p95Ms: step(95),
      p99Ms: step(99),
      p999Ms: 100,
      maxMs: 100,
      energyMj: null,
      aboveIdleMj: null,
      measured: 0,
      meanW: null,
    });
    const byIntent = read(path, (reader) => reader.stats({}, 'intent'));
    expect(byIntent.map(({ group, count, p50Ms }) => [group, count, p50Ms])).toEqual([
      ['greet', 60, step(30)],
      ['bye', 40, step(80)],
      [null, 1, null],
    ]);
    expect(read(path, (reader) => reader.stats({}, 'hour'))).toHaveLength(1);
  });

  it('commits at most once in its interval', async () => {
    const { log, path } = opened({ commitMs: 100 });
    log.record(row());
    expect(read(path, (reader) => reader.newest({}, 10))).toHaveLength(0);
    await until(() => read(path, (reader) => reader.newest({}, 10)).length === 1);
    await log.stop();
  });

  it('keeps what comes while a commit is under way, also where it is told to stop then', async () => {
    const { log, path } = opened();
    for (let i = 0; i < 500; i++) log.record(row());
    const writing = log.flush();
    log.record(row({ requestId: 'late' }));
    const stopped = log.stop();
    await Promise.all([writing, stopped]);
    expect(read(path, (reader) => reader.newest({ requestId: 'late' }, 10))).toHaveLength(1);
    expect(log.counters).toMatchObject({ written: 501, pending: 0 });
  });

  it('lets other work run while it writes many rows', async () => {
    const { log } = opened({ maxPending: 20_000 });
    for (let i = 0; i < 20_000; i++) log.record(row());
    let turns = 0;
    let counting = true;
    const count = () => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    await log.flush();
    counting = false;
    expect(turns).toBeGreaterThan(20);
    await log.stop();
  });

  it('forgets rows past their age, and the oldest where it grows too large', async () => {
    const aged = opened({ maxAgeMs: 1000 });
    aged.log.record(row({ time: Date.now() - 5000 }));
    aged.log.record(row({ requestId: 'new' }));
    await aged.log.stop();
    expect(read(aged.path, (reader) => reader.newest({}, 10)).map(({ requestId }) => requestId)).toEqual([
      'new',
    ]);

    const large = opened({ maxPending: 1e6, maxBytes: 1_000_000 });
    for (let commit = 0; commit < 8; commit++) {
      for (let i = 0; i < 5000; i++) large.log.record(row({ requestId: `${commit}-${i}` }));
      await large.log.flush();
    }
    const left = read(large.path, (reader) => reader.newest({}, 1e6));
    expect(left.length).toBeLessThan(15_000);
    expect(left.at(-1)!.requestId).toBe('7-4999');
    await large.log.stop();
  });
});

describe('fault 27: a request log', () => {
  it('that is locked keeps its rows until it is free, bounded, and counts', async () => {
    const { log, path } = opened({ maxPending: 3 });
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    log.record(row({ requestId: 'kept' }));
    await log.flush();
    expect(log.counters).toMatchObject({ written: 0, pending: 1, failures: 1 });
    for (let i = 0; i < 5; i++) log.record(row());
    expect(log.counters).toMatchObject({ pending: 3, dropped: 3 });
    other.exec('ROLLBACK');
    other.close();
    await log.flush();
    expect(read(path, (reader) => reader.newest({}, 10))[0]!.requestId).toBe('kept');
    await log.stop();
  });

  it('that fails in the middle of a commit writes the whole of it later, once', async () => {
    const { log, path } = opened();
    const other = new Database(path, { timeout: 0 });
    other.exec('ALTER TABLE rollup RENAME TO away');
    for (let i = 0; i < 3; i++) log.record(row());
    await log.flush();
    expect(log.counters).toMatchObject({ written: 0, pending: 3, failures: 1 });
    other.exec('ALTER TABLE away RENAME TO rollup');
    other.close();
    await log.flush();
    expect(log.counters).toMatchObject({ written: 3, pending: 0, failures: 1 });
    expect(read(path, (reader) => reader.stats({})[0]!.count)).toBe(3);
    expect(read(path, (reader) => reader.newest({}, 10))).toHaveLength(3);
    await log.stop();
  });

  it('that is corrupt is set aside and begun anew', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'intentd-log-')), 'intentd.db');
    writeFileSync(path, 'this is no database '.repeat(1000));
    const { log } = opened({ path });
    log.record(row({ requestId: 'after' }));
    await log.flush();
    await log.flush();
    expect(read(path, (reader) => reader.newest({}, 10))).toHaveLength(1);
    expect(readFileSync(`${path}.corrupt`, 'utf8')).toContain('this is no database');
    await log.stop();
  });

  it('that is deleted while open is made anew', async () => {
    const { log, path } = opened();
    log.record(row());
    await log.flush();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    log.record(row({ requestId: 'again' }));
    await log.flush();
    expect(existsSync(path)).toBe(true);
    expect(read(path, (reader) => reader.newest({}, 10)).map(({ requestId }) => requestId)).toEqual([
      'again',
    ]);
    await log.stop();
  });

  it('whose write-ahead log is deleted while open loses nothing', async () => {
    const { log, path } = opened();
    log.record(row({ requestId: 'before' }));
    await log.flush();
    rmSync(`${path}-wal`);
    log.record(row({ requestId: 'after' }));
    await log.flush();
    expect(read(path, (reader) => reader.newest({}, 10)).map(({ requestId }) => requestId)).toEqual([
      'before',
      'after',
    ]);
    await log.stop();
  });

  it('that is not there is a clear error to its readers', () => {
    expect(() => new RequestLogReader('/nowhere/intentd.db')).toThrow(
      'There is no request log at /nowhere/intentd.db',
    );
  });
});
