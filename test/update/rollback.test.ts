import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { UpdateWorld } from '../support/updateWorld.js';

let world: UpdateWorld;
beforeEach(() => {
  world = new UpdateWorld();
});
afterEach(() => world.end());

describe('a rollback that somebody asks for', () => {
  const rollback = (version: string, digest: string) =>
    world.updates.request({ kind: 'rollback', by: 'command', family: 'tiny', digest, version }).ended;
  /** The step takes hours from now on. */
  const hang = (step: string): Promise<void> => {
    let begun: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (begun = resolve));
    world.fails = (call, signal) => {
      if (call !== step) return undefined;
      begun();
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      });
    };
    return reached;
  };

  it('does not wait for the end of the probation of what it takes back, and that is not taken again', async () => {
    const old = await world.offer('1.0.0');
    await world.start();
    await world.install();
    const digest = await world.offer('2.0.0');
    const watched = hang('watch 2.0.0');
    const installed = world.install();
    await watched;
    expect(await rollback('2.0.0', digest)).toMatchObject({ outcome: 'rolledBack', version: '2.0.0' });
    expect(world.serving.get('tiny')?.digest).toBe(old);
    expect(await installed).toMatchObject({
      outcome: 'rolledBack',
      phase: 'probation',
      failure: { code: 'rolled_back', message: 'tiny 2.0.0 was rolled back by hand.' },
    });
    expect(world.calls.filter((call) => call === 'rollback 2.0.0')).toHaveLength(1);
    expect(await world.install()).toMatchObject({ outcome: 'failed', failure: { code: 'quarantined' } });
  });

  it.each(['check', 'fetch 3.0.0', 'build 3.0.0', 'stage 3.0.0', 'shadow 3.0.0'])(
    'does not wait while an update is at %s, which is given up',
    async (step) => {
      const old = await world.offer('1.0.0');
      const digest = await world.offer('2.0.0');
      await world.start();
      for (const version of ['1.0.0', '2.0.0']) await world.install({ version });
      await world.offer('3.0.0');
      const reached = hang(step);
      const installed = world.install();
      await reached;
      expect(await rollback('2.0.0', digest)).toMatchObject({ outcome: 'rolledBack' });
      expect(world.serving.get('tiny')?.digest).toBe(old);
      expect(await installed).toMatchObject({ failure: { code: 'rolled_back' } });
      world.fails = () => undefined;
      // Nothing is held against what was given up.
      expect(await world.install()).toMatchObject({ outcome: 'committed', version: '3.0.0' });
    },
  );

  it('goes before other updates that wait', async () => {
    await world.offer('1.0.0');
    const digest = await world.offer('2.0.0');
    await world.offer('1.0.0', { family: 'other' });
    await world.start();
    for (const version of ['1.0.0', '2.0.0']) await world.install({ version });
    let letGo: () => void = () => undefined;
    let isReached = false;
    world.fails = (call) => {
      if (call !== 'stage 1.0.0' || isReached) return undefined;
      isReached = true;
      return new Promise((resolve) => (letGo = resolve));
    };
    const other = world.install({ family: 'other' });
    await until(() => isReached);
    const later = world.install();
    const back = rollback('2.0.0', digest);
    letGo();
    expect((await other).outcome).toBe('committed');
    expect((await back).outcome).toBe('rolledBack');
    expect((await later).startedMs).toBeGreaterThanOrEqual((await back).endedMs);
    expect(world.ended.slice(-3).map(({ kind, family }) => `${kind} ${family ?? ''}`)).toEqual([
      'install other',
      'rollback tiny',
      'install tiny',
    ]);
  });
});
