import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { requestLogPath } from '../../src/telemetry/index.js';
import { Agent } from '../support/agent.js';
import { until } from '../support/until.js';

const agents: Agent[] = [];
const clients: MqttClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});

/** A running agent, and a client that counts the answers to each id. */
async function underLoad(...options: string[]) {
  const agent = new Agent();
  agents.push(agent);
  await agent.start(...options);
  const mqtt = await connectAsync(agent.url);
  clients.push(mqtt);
  const answers = new Map<string, string[]>();
  mqtt.on('message', (_topic, payload) => {
    const { id, intent, error } = JSON.parse(payload.toString()) as {
      id: string;
      intent?: string;
      error?: { code: string };
    };
    answers.set(id, [...(answers.get(id) ?? []), error?.code ?? intent ?? 'none']);
  });
  await mqtt.subscribeAsync('intentd/agent/response', { qos: 1 });
  return { agent, mqtt, answers };
}

/** Sends `rate` requests a second for `seconds`; gives how many. */
async function send(mqtt: MqttClient, rate: number, seconds: number): Promise<number> {
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < seconds * 1000) {
    for (const due = ((performance.now() - began) / 1000) * rate; sent < due; sent++) {
      mqtt.publish(
        'intentd/agent/request',
        `{"text":"crack a joke for the two of us","id":"${began}-${sent}"}`,
        { qos: 1 },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return sent;
}

async function settled(answers: Map<string, string[]>, count: number): Promise<void> {
  for (let tries = 0; tries < 1000 && answers.size < count; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

function workerOf(pid: number): number {
  return Number(
    execFileSync('ps', ['--ppid', String(pid), '-o', 'pid='])
      .toString()
      .trim()
      .split('\n')[0],
  );
}

/** The whole minute where it is asked for, otherwise a tenth of it. */
const overloadSeconds = process.env['FULL_FAULTS'] === undefined ? 6 : 60;

interface Settled {
  readonly count: number;
  readonly refused: number;
  readonly latestMs: number;
}

/** What the agent itself noted of every request, answered or refused. */
function settledBy(stateDir: string): Settled {
  const database = new Database(requestLogPath(stateDir), { readonly: true });
  const row = database
    .prepare(
      'SELECT count(*) AS count, count(error) AS refused, max(totalUs) / 1000.0 AS latestMs FROM request',
    )
    .get() as Settled;
  database.close();
  return row;
}

describe('fault 2: three times the load that it can serve', () => {
  it(`for ${overloadSeconds} s is answered or refused request by request before its deadline, with memory flat`, async () => {
    const { agent, mqtt, answers } = await underLoad(
      '--set',
      'requests.deadlineMs=100',
      '--set',
      'telemetry.commitSeconds=1',
    );
    await settled(answers, await send(mqtt, 4000, 4));
    const served = [...answers.values()].filter(([code]) => code === 'tell_joke').length / 4;
    const warm = residentMib(agent.pid);
    answers.clear();
    const sent = await send(mqtt, 3 * served, overloadSeconds);
    await settled(answers, sent);
    expect(answers.size).toBe(sent);
    expect(new Set([...answers.values()].map((codes) => codes.length))).toEqual(new Set([1]));
    expect(residentMib(agent.pid)).toBeLessThan(warm + 60);
    await agent.end();
    const { count, refused, latestMs } = settledBy(agent.stateDir);
    expect(refused).toBeGreaterThan(sent / 3);
    expect(count - refused).toBeGreaterThan(100);
    expect(latestMs).toBeLessThanOrEqual(100);
  }, 180_000);
});

describe('fault 10: an agent whose worker is killed under load', () => {
  it('answers every request once, from the next worker or with an error', async () => {
    const { agent, mqtt, answers } = await underLoad();
    const sending = send(mqtt, 100, 3);
    await until(() => answers.size >= 100);
    process.kill(workerOf(agent.pid), 'SIGKILL');
    const sent = await sending;
    await settled(answers, sent);
    expect(answers.size).toBe(sent);
    for (const codes of answers.values()) expect(codes).toHaveLength(1);
    expect([...answers.values()].at(-1)).toEqual(['tell_joke']);
    expect(agent.log.some(({ msg }) => msg === 'the next engine worker serves')).toBe(true);
    expect(await agent.end()).toBe(0);
  }, 60_000);
});
