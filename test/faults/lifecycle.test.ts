import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});

async function started(...more: string[]): Promise<Agent> {
  const agent = new Agent();
  agents.push(agent);
  await agent.start(...more);
  return agent;
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

  it('that was killed starts again and serves', async () => {
    const agent = await started();
    expect((await intentd('ask', ...agent.options, 'crack a joke for the two of us')).status).toBe(0);
    await agent.end('SIGKILL');
    await agent.start();
    expect((await intentd('ask', ...agent.options, 'crack a joke for the two of us')).out).toContain(
      'tell_joke',
    );
  }, 120_000);
});

describe('fault 3: a request repeated after a restart', () => {
  it('gets the same answer again, word for word', async () => {
    const agent = await started();
    const request = '{"text":"crack a joke for the two of us","id":"repeat-1"}';
    const ask = async (): Promise<string> => {
      const mqtt = await connectAsync(agent.url);
      const answered = new Promise<string>((resolve) => {
        mqtt.on('message', (_topic, payload) => {
          resolve(payload.toString());
        });
      });
      await mqtt.subscribeAsync('intentd/agent/response', { qos: 1 });
      await mqtt.publishAsync('intentd/agent/request', request, { qos: 1 });
      const answer = await answered;
      await mqtt.endAsync();
      return answer;
    };
    const first = await ask();
    expect(await ask()).toBe(first);
    await agent.end();
    await agent.start();
    expect(await ask()).toBe(first);
  }, 120_000);
});
