import Database from 'better-sqlite3';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import {
  RequestLog,
  RequestLogReader,
  requestLogPath,
  type RequestLogOptions,
} from '../../src/telemetry/index.js';
import { Agent, intentd } from '../support/agent.js';
import { requestRow } from '../support/requestRow.js';
import { until } from '../support/until.js';

const megabyte = 1_000_000;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A file system of so many bytes; `undefined` where this machine lets us make none. */
function smallDisk(bytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'intentd-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  if (mounted.status !== 0) return undefined;
  cleanups.push(() => spawnSync('umount', ['-l', folder]));
  return folder;
}

function opened(overrides: Partial<RequestLogOptions> = {}) {
  const stateDir = mkdtempSync(join(tmpdir(), 'intentd-log-'));
  const path = requestLogPath(stateDir);
  const limits = { maxPending: 5000, maxAgeMs: 1e13, maxBytes: 1e9, maxWalBytes: megabyte };
  const log = new RequestLog({ path, commitMs: 60_000, ...limits, ...overrides }, systemClock, silentLogger);
  log.start();
  cleanups.push(() => log.stop());
  return { log, path: overrides.path ?? path, stateDir };
}

function record(log: RequestLog, count: number): void {
  for (let row = 0; row < count; row++) log.record(requestRow({ text: 'x'.repeat(200) }));
}

function countOf(path: string): number {
  const reader = new RequestLogReader(path);
  const [all] = reader.stats({});
  reader.close();
  return all!.count;
}

describe('fault 27: a full disk', () => {
  it('keeps a bounded number of rows, counts the rest, and is written again when there is room', async ({
    skip,
  }) => {
    const disk = smallDisk(megabyte);
    if (disk === undefined) return skip('only root may mount the small file system that this fills');
    const { log, path } = opened({ path: requestLogPath(disk), maxPending: 1000 });
    record(log, 500);
    await log.flush();
    expect(log.counters).toMatchObject({ written: 500, failures: 0 });
    const filler = join(disk, 'filler');
    const free = spawnSync('df', ['--output=avail', '-B1', disk]).stdout.toString().split('\n')[1]!;
    writeFileSync(filler, Buffer.alloc(Number(free)));
    for (let commit = 0; commit < 4; commit++) {
      record(log, 500);
      await log.flush();
    }
    const { dropped, failures, pending, written } = log.counters;
    expect(failures).toBeGreaterThan(0);
    expect(pending).toBe(1000);
    expect(written + pending + dropped).toBe(2500);
    rmSync(filler);
    await log.flush();
    expect(log.counters.pending).toBe(0);
    expect(countOf(path)).toBe(log.counters.written);
  });

  it('under an agent does not keep it from answering', async ({ skip }) => {
    const disk = smallDisk(3 * megabyte);
    if (disk === undefined) return skip('only root may mount the small file system that this fills');
    mkdirSync(join(disk, 'state'));
    const agent = new Agent();
    cleanups.push(() => agent.end('SIGKILL'));
    await agent.start('--state-dir', join(disk, 'state'), '--set', 'telemetry.commitSeconds=0.1');
    const free = spawnSync('df', ['--output=avail', '-B1', disk]).stdout.toString().split('\n')[1]!;
    writeFileSync(join(disk, 'filler'), Buffer.alloc(Number(free)));
    const told = () => agent.log.some(({ msg }) => msg === 'the request log was not written');
    for (let asked = 0; asked < 40 && !told(); asked++) {
      const { status, out } = await intentd('ask', ...agent.options, 'crack a joke for the two of us');
      expect([status, out.split(' ')[0]]).toEqual([0, 'tell_joke']);
    }
    expect(told()).toBe(true);
    const after = await intentd('ask', ...agent.options, 'crack a joke for the two of us');
    expect(after.out).toContain('tell_joke');
    expect(await agent.end()).toBe(0);
  }, 60_000);
});

describe('fault 27: a request log under an agent that is', () => {
  const spoil: [string, (path: string) => unknown, (path: string, agent: Agent) => boolean][] = [
    [
      'locked',
      (path) => {
        const other = new Database(path);
        other.exec('BEGIN EXCLUSIVE');
        cleanups.push(() => other.close());
      },
      (_path, agent) =>
        agent.log.some(
          ({ msg, pending }) => msg === 'the request log was not written' && Number(pending) >= 3,
        ),
    ],
    [
      'corrupt',
      (path) => {
        // Another writer makes the agent read it again, of which it has most in memory.
        const other = new Database(path);
        other.exec("INSERT INTO event VALUES (0, 'test', NULL)");
        other.pragma('wal_checkpoint(TRUNCATE)');
        other.close();
        const file = openSync(path, 'r+');
        writeSync(file, Buffer.alloc(8192, 0x5a), 0, 8192, 0);
        closeSync(file);
      },
      (path) => existsSync(`${path}.corrupt`) && countOf(path) === 3,
    ],
    [
      'deleted',
      (path) => {
        for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
      },
      (path) => existsSync(path) && countOf(path) === 3,
    ],
  ];

  it.each(spoil)(
    '%s does not keep it from answering, and costs no row that comes after',
    async (_how, change, dealtWith) => {
      const agent = new Agent();
      cleanups.push(() => agent.end('SIGKILL'));
      await agent.start('--set', 'telemetry.commitSeconds=0.1');
      const ask = async () =>
        (await intentd('ask', ...agent.options, 'crack a joke for the two of us')).out.split(' ')[0];
      expect(await ask()).toBe('tell_joke');
      const path = requestLogPath(agent.stateDir);
      await until(() => countOf(path) === 1);
      change(path);
      for (let asked = 0; asked < 3; asked++) expect(await ask()).toBe('tell_joke');
      await until(() => dealtWith(path, agent));
      expect(await agent.end()).toBe(0);
    },
    60_000,
  );
});

describe('fault 28: a reader that holds a transaction open', () => {
  it('stops the writing at the cap of the write-ahead log; it resumes by itself', async () => {
    const { log, path, stateDir } = opened();
    record(log, 10);
    await log.flush();
    const reader = new Database(path, { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT count(*) FROM request').get();

    for (let commit = 0; commit < 10; commit++) {
      record(log, 2000);
      await log.flush();
    }
    const { dropped, pending, written } = log.counters;
    // One commit may pass the cap; after it the file stands still.
    const oneCommit = 2 * megabyte;
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(megabyte);
    expect(statSync(`${path}-wal`).size).toBeLessThan(megabyte + oneCommit);
    expect(pending).toBe(5000);
    expect(dropped).toBeGreaterThan(0);
    expect(written + pending + dropped).toBe(20_010);
    expect(await doctorOn(stateDir)).toMatchObject({
      level: 'warning',
      found: expect.stringMatching(/^its write-ahead log has [\d.]+ MiB$/) as string,
    });

    reader.exec('COMMIT');
    reader.close();
    await log.flush();
    expect(log.counters).toMatchObject({ pending: 0, dropped, written: written + pending });
    expect(countOf(path)).toBe(written + pending);
    record(log, 1);
    await log.flush();
    expect(log.counters).toMatchObject({ pending: 0, dropped });
    expect(statSync(`${path}-wal`).size).toBeLessThan(megabyte + oneCommit);
  });
});

/** What `intentd doctor` says of the request log. */
async function doctorOn(stateDir: string): Promise<unknown> {
  const settings = ['telemetry.maxWalMegabytes=1', 'broker.embeddedPort=1'];
  const { out } = await intentd(
    'doctor',
    '--json',
    '--state-dir',
    stateDir,
    ...settings.flatMap((setting) => ['--set', setting]),
  );
  return (JSON.parse(out) as { check: string }[]).find(({ check }) => check === 'request log');
}
