import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { messageOf } from '../../src/base/index.js';
import { Agent, intentd } from '../support/agent.js';
import { otherBundle } from '../support/otherBundle.js';
import { until } from '../support/until.js';

const agents: Agent[] = [];
const cleanups: (() => void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});

async function started(...more: string[]): Promise<Agent> {
  const agent = new Agent();
  agents.push(agent);
  await agent.start(...more);
  return agent;
}

/** An agent in the middle of copying a bundle. */
async function copying(agent: Agent) {
  const bundle = otherBundle({ version: '9.0.0', ballast: 20 });
  cleanups.push(() => {
    rmSync(bundle, { recursive: true });
  });
  const models = join(agent.stateDir, 'models');
  const loaded = intentd('model', 'load', bundle, '--state-dir', agent.stateDir);
  await until(() => readdirSync(models).some((name) => name.endsWith('.tmp')));
  return { models, loaded };
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['--ppid', String(pid), '-o', 'pid='], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

describe('fault 30: an agent', () => {
  it('told to stop under load answers or refuses all it took, within 5 s, and exits with 0', async () => {
    const agent = await started('--set', 'requests.deadlineMs=4000');
    const mqtt = await connectAsync(agent.url);
    const answers = new Map<string, number>();
    mqtt.on('message', (_topic, payload) => {
      const { id } = JSON.parse(payload.toString()) as { id: string };
      answers.set(id, (answers.get(id) ?? 0) + 1);
    });
    await mqtt.subscribeAsync('intentd/agent/response', { qos: 1 });
    const sent = Array.from({ length: 300 }, (_, i) =>
      mqtt.publishAsync('intentd/agent/request', `{"text":"what does my balance stand at","id":"${i}"}`, {
        qos: 1,
      }),
    );
    await Promise.all(sent);
    const began = performance.now();
    expect(await agent.end()).toBe(0);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(answers.size).toBe(300);
    expect(new Set(answers.values())).toEqual(new Set([1]));
  }, 120_000);

  it('told to stop while it copies a bundle of 20 GiB gives that up, within 5 s, and leaves nothing of it', async () => {
    const agent = await started();
    const { models, loaded } = await copying(agent);
    const began = performance.now();
    expect(await agent.end()).toBe(0);
    expect(performance.now() - began).toBeLessThan(5000);
    expect((await loaded).status).not.toBe(0);
    expect(readdirSync(models)).toEqual([]);
  }, 60_000);

  it('told to stop before it serves ends within 5 s, with all its processes', async () => {
    const agent = new Agent();
    agents.push(agent);
    const starting = agent.start().catch((error: unknown) => messageOf(error));
    await until(() => agent.running && childrenOf(agent.pid).length > 0);
    const workers = childrenOf(agent.pid);
    const began = performance.now();
    expect(await agent.end()).toBe(0);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await starting).toContain('the agent ended with 0');
    expect(workers.filter(isAlive)).toEqual([]);
  }, 60_000);

  it('that was killed while it copied a bundle removes what that left when it starts', async () => {
    const agent = await started();
    const { models } = await copying(agent);
    await agent.end('SIGKILL');
    expect(readdirSync(models)).toHaveLength(1);
    await agent.start();
    expect(readdirSync(models)).toEqual([]);
  }, 60_000);

  it('that was killed starts again and serves', async () => {
    const agent = await started();
    expect((await intentd('ask', ...agent.options, 'crack a joke for the two of us')).status).toBe(0);
    await agent.end('SIGKILL');
    await agent.start();
    expect((await intentd('engine', 'status', '--state-dir', agent.stateDir)).status).toBe(0);
    expect((await intentd('ask', ...agent.options, 'crack a joke for the two of us')).out).toContain(
      'tell_joke',
    );
  }, 120_000);
});
