import { writeFileSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IntentdError } from '../../src/base/index.js';
import { Schedule, nextCheckMs, type Journal } from '../../src/update/index.js';
import { until } from '../support/until.js';
import { UpdateWorld, figure } from '../support/updateWorld.js';

let world: UpdateWorld;
beforeEach(() => {
  world = new UpdateWorld();
});
afterEach(() => world.end());

describe('an update', () => {
  it('is fetched, kept, built, gated, shadowed, swapped in, watched and settled, in this order', async () => {
    const digest = await world.offer('1.0.0');
    await world.start();
    expect(await world.install()).toMatchObject({ outcome: 'committed', version: '1.0.0', failure: null });
    expect(world.calls.map((call) => call.split(' ')[0])).toEqual([
      'check',
      'fetch',
      'adopt',
      'build',
      'stage',
      'shadow',
      'activate',
      'watch',
      'settle',
      'collect',
    ]);
    expect(world.serving.get('tiny')?.digest).toBe(digest);
    expect(world.downloading).toEqual([]);
    expect(world.updates.history(10)).toMatchObject([{ outcome: 'committed', version: '1.0.0' }]);
  });

  it('says before each act in the journal what it is, so that a restart repeats that act and no other', async () => {
    await world.offer('1.0.0');
    for (const step of ['check', 'fetch', 'adopt', 'build', 'activate', 'watch', 'settle']) {
      const fresh = new UpdateWorld();
      fresh.offers.push(...world.offers);
      for (const [digest, folder] of world.folders) fresh.folders.set(digest, folder);
      await fresh.start();
      let hung = false;
      fresh.fails = (call) => {
        if (call.split(' ')[0] !== step || hung) return undefined;
        hung = true;
        return new Promise(() => undefined);
      };
      void fresh.install();
      await until(() => hung);
      const written = new Database(fresh.path, { readonly: true });
      const { state } = written.prepare('SELECT state FROM machine').get() as { state: string };
      written.close();
      expect((JSON.parse(state) as { job: { step: string } }).job.step).toBe(step);
      // What was begun never ends, as in a process that was killed.
      fresh.calls.length = 0;
      await fresh.start();
      await until(() => fresh.ended.length === 1);
      expect(fresh.ended).toMatchObject([{ outcome: 'committed' }]);
      const again = { activate: 'build', watch: 'watch' }[step] ?? step;
      expect(fresh.calls[0]!.split(' ')[0]).toBe(again);
    }
  });

  it('that fails a gate never serves; the reason is told; it is not tried again until the version changes', async () => {
    const old = await world.offer('1.0.0');
    await world.start();
    await world.install();
    await world.offer('2.0.0');
    world.figures = (call) => (call === 'stage 2.0.0' ? [figure('accuracy', false)] : []);
    expect(await world.install()).toMatchObject({
      outcome: 'rolledBack',
      phase: 'staged',
      failure: { code: 'gate_failed', message: 'accuracy: too bad to serve' },
      figures: [{ gate: 'accuracy', passed: false }],
    });
    expect(world.serving.get('tiny')?.digest).toBe(old);
    expect(world.kept).toEqual(new Set([old]));
    expect(await world.install()).toMatchObject({ outcome: 'failed', failure: { code: 'quarantined' } });
    await world.restart();
    expect(await world.install()).toMatchObject({ failure: { code: 'quarantined' } });
    await world.offer('2.0.1');
    expect(await world.install()).toMatchObject({ outcome: 'committed', version: '2.0.1' });
  });

  it('that fails in its probation is taken back, and its engine let go', async () => {
    const old = await world.offer('1.0.0');
    await world.start();
    await world.install();
    await world.offer('2.0.0');
    world.figures = (call) => (call === 'watch 2.0.0' ? [figure('errors', false)] : []);
    world.calls.length = 0;
    expect(await world.install()).toMatchObject({ outcome: 'rolledBack', phase: 'probation' });
    expect(world.calls.slice(-3)).toEqual(['rollback 2.0.0', 'discard 2.0.0', 'collect unknown']);
    expect(world.serving.get('tiny')?.digest).toBe(old);
  });

  it('fault 25: of which two come at once goes one after the other', async () => {
    await world.offer('1.0.0');
    await world.offer('1.0.0', { family: 'other' });
    await world.start();
    const both = await Promise.all([world.install(), world.install({ family: 'other' })]);
    expect(both.map(({ outcome }) => outcome)).toEqual(['committed', 'committed']);
    const [first, second] = both.map(({ endedMs, startedMs }) => ({ startedMs, endedMs }));
    expect(second!.startedMs).toBeGreaterThanOrEqual(first!.endedMs);
    expect(world.calls.filter((call) => call === 'activate 1.0.0')).toHaveLength(2);
    expect(world.calls.indexOf('settle 1.0.0')).toBeLessThan(world.calls.lastIndexOf('check'));
  });

  it('waits for a lost connection and goes on with what it has', async () => {
    await world.offer('1.0.0');
    await world.start();
    let left = 2;
    world.fails = (call) => {
      if (call.startsWith('fetch') && left-- > 0) throw new IntentdError('unreachable', 'No route.');
    };
    expect(await world.install()).toMatchObject({ outcome: 'committed' });
    expect(world.calls.filter((call) => call.startsWith('fetch'))).toHaveLength(3);
    left = Infinity;
    await world.offer('2.0.0');
    expect(await world.install()).toMatchObject({ outcome: 'failed', failure: { code: 'unreachable' } });
    // Kept, so that the next check goes on with it.
    expect(world.downloading).toHaveLength(1);
  });

  it('keeps what it knows of updates bounded', async () => {
    await world.start();
    for (let at = 0; at < 230; at++) await world.install({ family: `none-${at}` });
    expect(world.updates.history(1000)).toHaveLength(200);
    expect(world.updates.history(1)).toMatchObject([{ family: 'none-229' }]);
  });
});

describe('fault 24: a full disk', () => {
  it('while a bundle is fetched or built: nothing of it is left, and nothing is held against it', async () => {
    const cases = { '1.0.0': 'fetch', '1.1.0': 'adopt', '1.2.0': 'build' };
    for (const [version, step] of Object.entries(cases)) {
      await world.offer(version);
      if (world.journal === undefined) await world.start();
      const before = [...world.kept];
      world.fails = (call) => {
        if (call !== `${step} ${version}`) return;
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      };
      expect(await world.install({ version })).toMatchObject({
        outcome: 'failed',
        failure: { code: 'disk_full' },
      });
      expect([world.downloading, [...world.kept]]).toEqual([[], before]);
      world.fails = () => undefined;
      expect(await world.install({ version })).toMatchObject({ outcome: 'committed', version });
    }
  });

  /** A real journal whose commits find the disk full from the n-th on, until told otherwise. */
  function fullFrom(writes: number): { wrap: (journal: Journal) => Journal; empty: () => void } {
    let left = writes;
    const wrap = (journal: Journal): Journal => ({
      read: () => journal.read(),
      history: (limit) => journal.history(limit),
      close: () => {
        journal.close();
      },
      write: (state, ended) => {
        if (left-- <= 0) throw new IntentdError('disk_full', 'The disk is full.');
        journal.write(state, ended);
      },
    });
    return { wrap, empty: () => (left = Infinity) };
  }

  it('for the journal, at every write of an update: never half an update, and well when there is room', async () => {
    const outcomes = new Set<string>();
    for (let writes = 1; writes <= 10; writes++) {
      const fresh = new UpdateWorld();
      const old = await fresh.offer('1.0.0');
      await fresh.start();
      await fresh.install();
      await fresh.updates.stop();
      const next = await fresh.offer('2.0.0');
      const disk = fullFrom(writes);
      await fresh.start(disk.wrap);
      const { outcome } = await fresh.install();
      outcomes.add(outcome);
      expect(fresh.serving.get('tiny')?.digest).toBe(outcome === 'committed' ? next : old);
      expect(fresh.downloading).toEqual([]);
      disk.empty();
      const again = await fresh.install();
      expect(again.outcome).toBe(outcome === 'committed' ? 'current' : 'committed');
      await fresh.end();
    }
    expect(outcomes).toEqual(new Set(['failed', 'rolledBack', 'committed']));
  });

  it('that keeps a wish from being noted is told to who wished', async () => {
    await world.offer('1.0.0');
    const disk = fullFrom(0);
    await world.start(disk.wrap);
    await expect(world.install()).rejects.toMatchObject({ code: 'disk_full' });
    expect(world.calls).toEqual([]);
  });
});

describe('the journal', () => {
  it('that is damaged is set aside; what serves is not touched, and updates go on', async () => {
    mkdirSync(dirname(world.path), { recursive: true });
    writeFileSync(world.path, 'this is no database, and never was one');
    const digest = await world.offer('1.0.0');
    await world.start();
    expect(await world.install()).toMatchObject({ outcome: 'committed' });
    expect(world.serving.get('tiny')?.digest).toBe(digest);
    expect(readdirSync(dirname(world.path))).toContain('journal.db.broken');
  });
});

describe('the schedule', () => {
  it('spreads checks out, so that a fleet does not ask at once, and asks sooner after a failure', () => {
    const hour = 3600_000;
    expect(nextCheckMs(6 * hour, 'none', 0.5)).toBe(150_000);
    expect(nextCheckMs(6 * hour, 'well', 0)).toBeCloseTo(5.4 * hour);
    expect(nextCheckMs(6 * hour, 'well', 0.999)).toBeCloseTo(6.6 * hour, -5);
    expect(nextCheckMs(6 * hour, 0, 1)).toBe(60_000);
    expect(nextCheckMs(6 * hour, 3, 0)).toBe(240_000);
    expect(nextCheckMs(6 * hour, 30, 1)).toBe(6 * hour);
  });

  it('are as far apart as they are wanted, up to a year, and told where they are refused', async () => {
    vi.useFakeTimers();
    try {
      const day = 24 * 3600_000;
      let checks = 0;
      const refused: unknown[] = [];
      const check = (): Promise<boolean> => {
        checks += 1;
        return checks === 2 ? Promise.reject(new Error('full')) : Promise.resolve(true);
      };
      const onRefused = (reason: unknown): void => void refused.push(reason);
      const schedule = new Schedule({ everyMs: 60 * day, check, onRefused, random: () => 0.5 });
      schedule.start();
      await vi.advanceTimersByTimeAsync(59 * day);
      expect(checks).toBe(1);
      await vi.advanceTimersByTimeAsync(1 * day + 150_000);
      expect([checks, refused]).toEqual([2, [new Error('full')]]);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(checks).toBe(3);
      schedule.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});
