import { afterEach, describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../src/broker/index.js';
import { RequestLogReader, requestLogPath } from '../../src/telemetry/index.js';
import { Agent } from '../support/agent.js';
import { answerOf } from '../support/answers.js';
import { brokerRoom } from '../support/brokerRoom.js';
import { ScriptedBroker } from '../support/scriptedBroker.js';
import { until } from '../support/until.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function scripted(): Promise<ScriptedBroker> {
  const server = new ScriptedBroker();
  await server.start();
  cleanups.push(() => server.stop());
  return server;
}

/** How many requests the log of an agent holds: one for each inference. */
function rowsOf(agent: Agent): number {
  const reader = new RequestLogReader(requestLogPath(agent.stateDir));
  const { length } = reader.newest({}, 10);
  reader.close();
  return length;
}

const topic = 'intentd/agent/request';
const request = '{"text":"crack a joke for the two of us","id":"1"}';

describe('fault 3: a QoS 1 request delivered again', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'with DUP and without, before and after a restart by %s, is one inference and the same answer each time',
    async (signal) => {
      const server = await scripted();
      const agent = new Agent();
      cleanups.push(() => agent.end('SIGKILL'));
      const options = ['--broker', server.url, '--set', 'telemetry.commitSeconds=0.1'];
      await agent.start(...options);
      const answers = () => server.on('intentd/agent/response');
      const deliver = async (dup: boolean): Promise<void> => {
        const before = answers().length;
        server.deliver(topic, request, { dup });
        await until(() => answers().length > before);
      };
      await deliver(false);
      await deliver(true);
      await deliver(false);
      // A row that was not committed yet would be lost by SIGKILL, and another inference not be seen.
      await until(() => rowsOf(agent) === 1);
      await agent.end(signal);
      await agent.start(...options);
      await deliver(true);
      await deliver(false);
      expect(new Set(answers()).size).toBe(1);
      expect(JSON.parse(answers()[0]!)).toMatchObject({ id: '1', intent: 'tell_joke' });
      await agent.end();
      expect(rowsOf(agent)).toBe(1);
    },
    60_000,
  );

  it('while the first is being inferred gets one answer, and another request with its id one of its own', async () => {
    const server = await scripted();
    const agent = new Agent();
    cleanups.push(() => agent.end('SIGKILL'));
    await agent.start('--broker', server.url);
    for (let repeat = 0; repeat < 20; repeat++) server.deliver(topic, request, { dup: repeat % 2 === 1 });
    server.deliver(topic, '{"text":"how would a frenchman say hello","id":"1"}');
    const intents = () =>
      new Set(
        server
          .on('intentd/agent/response')
          .map((answer) => (JSON.parse(answer) as { intent: string }).intent),
      );
    await until(() => intents().size === 2);
    expect(intents()).toEqual(new Set(['tell_joke', 'translate']));
    expect(new Set(server.on('intentd/agent/response')).size).toBe(2);
    await agent.end();
    const reader = new RequestLogReader(requestLogPath(agent.stateDir));
    expect(reader.newest({}, 100)).toHaveLength(2);
    reader.close();
  }, 60_000);
});

describe('fault 4: a Response Topic', () => {
  it('with a wildcard or outside of the allowed patterns is refused, counted, and nothing is published there', async () => {
    const server = await scripted();
    const { broker, requests, up } = brokerRoom(
      { endpoint: parseEndpoint(server.url, {}), protocol: '5' },
      (asked, room) => {
        for (const message of asked.encode({ ok: true, answer: answerOf() })) room.publish(message);
      },
    );
    cleanups.push(() => broker.stop(100));
    await broker.start();
    await up;
    const forbidden = [
      ...['my/+/response', 'my/#', '+/+/response', 'evil/topic', '$SYS/a/response', 'intentd/other/request'],
      ...['intentd/dev/update', 'intentd/pool/home/request', 'hermes/nlu/query'],
    ];
    for (const responseTopic of forbidden) server.deliver('intentd/dev/request', 'hello', { responseTopic });
    await until(() => server.on('intentd/dev/response').length === forbidden.length);
    for (const answer of server.on('intentd/dev/response')) {
      expect(JSON.parse(answer)).toMatchObject({ error: { code: 'bad_request' } });
    }
    server.deliver('intentd/dev/request', 'hello', { responseTopic: 'my/app/response' });
    await until(() => server.on('my/app/response').length === 1);
    const topics = new Set(server.published.map((message) => message.topic));
    expect(topics).toEqual(new Set(['intentd/dev/state', 'intentd/dev/response', 'my/app/response']));
    expect(broker.counters.refused).toBe(forbidden.length);
    expect(requests).toHaveLength(1);
  });

  it('that the agent subscribes to itself is refused even where every topic is allowed', async () => {
    const server = await scripted();
    const { broker, requests, up } = brokerRoom({
      ...{ endpoint: parseEndpoint(server.url, {}), protocol: '5' },
      ...{ responseTopics: ['#'], reserved: ['homeassistant/#'] },
    });
    cleanups.push(() => broker.stop(100));
    await broker.start();
    await up;
    const own = [
      ...['intentd/dev/request', 'intentd/other/request', 'intentd/pool/home/request', 'intentd/dev/update'],
      ...['hermes/nlu/query', 'homeassistant/device/x/config'],
    ];
    for (const responseTopic of own) server.deliver('intentd/dev/request', 'hello', { responseTopic });
    await until(() => server.on('intentd/dev/response').length === own.length);
    expect(broker.counters.refused).toBe(own.length);
    expect(requests).toHaveLength(0);
    server.deliver('intentd/dev/request', 'hello', { responseTopic: 'anything/else' });
    await until(() => requests.length === 1);
  });
});
