import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';
import { UpdatingAgent } from '../support/updatingAgent.js';

let updating: UpdatingAgent;
let mqtt: MqttClient | undefined;

beforeEach(() => {
  updating = new UpdatingAgent();
});
afterEach(async () => {
  await mqtt?.endAsync();
  mqtt = undefined;
  await updating.end();
});

interface Result {
  readonly outcome: string;
  readonly version: string;
  readonly failure: { readonly code: string } | null;
}

interface State {
  readonly phase: string;
  readonly installed: string | null;
  readonly available?: string;
  readonly error?: { readonly code: string };
}

async function install(...args: string[]): Promise<Result> {
  return ((await updating.json('install', ...args)) as unknown as Result[])[0]!;
}

/** What the retained topic said, in order, from now on. */
async function states(): Promise<State[]> {
  const heard: State[] = [];
  mqtt = await connectAsync(updating.agent.url);
  mqtt.on('message', (_topic, payload) => heard.push(JSON.parse(payload.toString()) as State));
  await mqtt.subscribeAsync('intentd/agent/update/state', { qos: 1 });
  return heard;
}

async function act(action: object | string): Promise<void> {
  const payload = typeof action === 'string' ? action : JSON.stringify(action);
  await mqtt!.publishAsync('intentd/agent/update', payload, { qos: 1 });
}

describe('an agent', () => {
  it('looks, installs, tells, goes back by hand, and does not take again what it went back from', async () => {
    await updating.start();
    await updating.publish('2.0.0', 2);
    const looked = await updating.json('check');
    expect(looked['models']).toMatchObject([{ family: 'tiny', installed: '1.0.0', available: '2.0.0' }]);
    expect(await updating.answeredBy()).toBe('1.0.0');

    const told = await updating.run('install', '--wait');
    expect(told).toMatchObject({ status: 0, out: 'tiny 2.0.0 serves, in place of 1.0.0\n' });
    expect(await updating.answeredBy()).toBe('2.0.0');
    expect(await install()).toMatchObject({ outcome: 'current' });

    const back = await updating.run('rollback');
    expect(back).toMatchObject({ status: 0, out: 'tiny 2.0.0 was taken back\n' });
    expect(await updating.answeredBy()).toBe('1.0.0');
    const again = await updating.run('install');
    expect(again.status).toBe(1);
    expect(again.err).toMatch(/not taken again.*rolled back by hand.*\[quarantined\]/s);
    expect(await install('--force')).toMatchObject({ outcome: 'trial', version: '2.0.0' });

    const { out } = await updating.run('history');
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    const outcomes = ((await updating.json('history')) as unknown as Result[]).map(({ outcome }) => outcome);
    expect(outcomes.slice(-5)).toEqual(['failed', 'rolledBack', 'current', 'committed', 'checked']);
    const { out: status } = await updating.run('status');
    expect(status).toContain('tiny');
    expect(status.split('\n').filter((line) => line.length > 80)).toEqual([]);
  }, 120_000);

  it('installs from a stick without network, a first model too, and older ones only where asked', async () => {
    await updating.start('--set', 'update.source=/nowhere');
    await updating.publish('2.0.0', 2);
    await updating.publish('1.0.0', 9, { parts: { id: 'other' } });
    const stick = join(updating.agent.stateDir, 'stick');
    cpSync(updating.fleet.repository, stick, { recursive: true });
    expect(await install()).toMatchObject({ outcome: 'failed', version: null });
    expect(await install('--from', stick, '--wait')).toMatchObject({
      outcome: 'committed',
      version: '2.0.0',
    });
    expect(await install('other', '--from', stick, '--wait')).toMatchObject({ outcome: 'committed' });
    await updating.publish('1.5.0', 3);
    const older = await updating.run('install', 'tiny', '1.5.0', '--from', updating.fleet.repository);
    expect([older.status, older.err]).toEqual([1, expect.stringMatching(/not newer.*\[downgrade\]/)]);
    expect(
      await install('tiny', '1.5.0', '--downgrade', '--wait', '--from', updating.fleet.repository),
    ).toMatchObject({ outcome: 'committed', version: '1.5.0' });
  }, 120_000);

  it('is told over MQTT what to do, and says, retained, how it is', async () => {
    await updating.start();
    await updating.publish('2.0.0', 2);
    const heard = await states();
    await until(() => heard.length > 0);
    expect(heard[0]).toMatchObject({ phase: 'idle', model: 'tiny', installed: '1.0.0' });

    await act({ action: 'check' });
    await until(() => heard.at(-1)?.available === '2.0.0');
    await act({ action: 'install' });
    await until(() => heard.at(-1)?.phase === 'idle' && heard.at(-1)?.installed === '2.0.0', 30_000);
    const phases = heard.map(({ phase }) => phase);
    const wanted = ['downloading', 'staged', 'shadow', 'probation', 'committed'];
    expect(phases.filter((phase, at) => wanted.includes(phase) && phase !== phases[at - 1])).toEqual(wanted);

    await act({ action: 'install', version: '1.0.0' });
    await until(() => heard.at(-1)?.error?.code === 'not_offered');
    await act({ action: 'rollback' });
    await until(() => heard.at(-1)?.phase === 'idle' && heard.at(-1)?.installed === '1.0.0');
    for (const [action, code] of [
      ['{"action":"explode"}', 'bad_request'],
      ['not json', 'bad_json'],
      [{ action: 'install', downgrade: true }, 'bad_request'],
      [{ action: 'rollback' }, 'no_previous'],
    ] as const) {
      await act(action);
      await until(() => heard.at(-1)?.error?.code === code);
    }
    // Retained, it would be done again at every reconnection.
    await mqtt!.publishAsync('intentd/agent/update', '{"action":"install"}', { retain: true });
    expect(await updating.answeredBy()).toBe('1.0.0');
  }, 120_000);

  it('keeps the steps of updates in its log and its database', async () => {
    await updating.start('--set', 'telemetry.commitSeconds=0.1');
    await updating.publish('2.0.0', 2);
    expect(await install('--wait')).toMatchObject({ outcome: 'committed' });
    const steps = updating.agent.log.filter(({ msg }) => msg === 'an update goes on');
    expect(steps.map(({ phase }) => phase)).toContain('probation');
    expect(updating.agent.log).toContainEqual(
      expect.objectContaining({ msg: 'an update ended', outcome: 'committed', version: '2.0.0' }),
    );
    await updating.agent.end();
    const database = new Database(join(updating.agent.stateDir, 'intentd.db'), { readonly: true });
    const rows = database.prepare('SELECT phase, version FROM update_event ORDER BY time').all();
    database.close();
    expect(rows).toContainEqual({ phase: 'probation', version: '2.0.0' });
    expect(rows).toContainEqual({ phase: 'committed', version: '2.0.0' });
  }, 120_000);

  it('fault 22: does not try again what failed its gates, also after a restart, until the version changes', async () => {
    await updating.start();
    const golden = ['balance', 'weather', 'lights_on', 'play_music'].map((intent) => ({
      text: 'play my music',
      intent,
    }));
    const evaluation = { golden: { inScopeAccuracy: 1 } };
    await updating.publish('2.0.0', 2, { parts: { golden, evaluation } });
    const first = await updating.run('install', '--wait');
    expect([first.status, first.err]).toEqual([1, expect.stringMatching(/accuracy.*\[gate_failed\]/s)]);
    expect(await updating.answeredBy()).toBe('1.0.0');
    const tried = (): number =>
      updating.agent.log.filter(({ msg, version }) => msg === 'a bundle is loaded' && version === '2.0.0')
        .length;
    expect(tried()).toBe(1);
    await updating.agent.end();
    await updating.startAgain('--set', 'update.checkHours=0.0002');
    const checks = async (): Promise<number> =>
      ((await updating.json('history')) as unknown as { outcome: string }[]).filter(
        ({ outcome }) => outcome === 'checked',
      ).length;
    for (let tries = 0; tries < 100 && (await checks()) < 2; tries++);
    expect(await checks()).toBeGreaterThanOrEqual(2);
    expect((await updating.run('install')).err).toContain('[quarantined]');
    const { out } = await updating.run('status');
    expect(out).toMatch(/not taken.*2\.0\.0/s);
    expect(tried()).toBe(1);
    await updating.publish('2.0.1', 2);
    await until(() => updating.agent.log.some(({ outcome }) => outcome === 'committed'), 30_000);
    expect(await updating.answeredBy()).toBe('2.0.1');
  }, 120_000);

  it('looks by itself on its schedule, and installs what it finds', async () => {
    await updating.start();
    await updating.publish('2.0.0', 2);
    await updating.agent.end();
    await updating.startAgain('--set', 'update.checkHours=0.0002');
    await until(() => updating.agent.log.some(({ outcome }) => outcome === 'committed'), 30_000);
    expect(await updating.answeredBy()).toBe('2.0.0');
  }, 120_000);
});
