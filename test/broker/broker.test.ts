import { connectAsync, type MqttClient, type IClientOptions, type IPublishPacket } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { parseEndpoint, type BrokerOptions } from '../../src/broker/index.js';
import { answerOf } from '../support/answers.js';
import { brokerRoom } from '../support/brokerRoom.js';
import { TcpProxy } from '../support/tcpProxy.js';
import { Mosquitto, freePort, haveMosquitto } from '../support/mosquitto.js';
import { until } from '../support/until.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A broker room that answers every request with its text as the intent. */
async function echoing(options: Partial<BrokerOptions> = {}) {
  const room = brokerRoom(options, (request, broker) => {
    const answer = answerOf({ intent: request.utterance.text });
    for (const message of request.encode({ ok: true, answer })) broker.publish(message);
  });
  await room.broker.start();
  cleanups.push(() => room.broker.stop(1000));
  await room.up;
  return room;
}

async function client(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const connected = await connectAsync(url, { reconnectPeriod: 0, ...options });
  cleanups.push(() => connected.endAsync(true));
  return connected;
}

/** The next `count` messages on the topics. */
async function listen(mqtt: MqttClient, topics: string[], count = 1) {
  const messages: { topic: string; text: string; packet: IPublishPacket }[] = [];
  const all = new Promise<typeof messages>((resolve) => {
    mqtt.on('message', (topic, payload, packet) => {
      messages.push({ topic, text: payload.toString(), packet });
      if (messages.length === count) resolve(messages);
    });
  });
  await mqtt.subscribeAsync(topics, { qos: 1 });
  return { messages, all };
}

describe('with the embedded broker', () => {
  it('a request is answered in both dialects', async () => {
    const { broker } = await echoing();
    const mqtt = await client(broker.url);
    const topics = ['intentd/dev/response', 'hermes/intent/#', 'hermes/nlu/intentParsed'];
    const { all } = await listen(mqtt, topics, 3);
    await mqtt.publishAsync('intentd/dev/request', '{"text":"hello","id":"1"}', { qos: 1 });
    await mqtt.publishAsync('hermes/nlu/query', '{"input":"bye"}');
    expect((await all).map(({ topic }) => topic).sort()).toEqual([
      'hermes/intent/bye',
      'hermes/nlu/intentParsed',
      'intentd/dev/response',
    ]);
  });

  it('of much that is sent at once a little is taken in one turn of the event loop, and all in its order', async () => {
    const { broker, requests } = await echoing();
    const mqtt = await client(broker.url);
    const { messages, all } = await listen(mqtt, ['intentd/dev/response'], 2000);
    const filler = 'x'.repeat(500);
    for (let at = 0; at < 2000; at++) mqtt.publish('intentd/dev/request', `${at} ${filler}`, { qos: 0 });
    let mostInTurn = 0;
    for (let before = 0; before < 2000;) {
      await new Promise((resolve) => setImmediate(resolve));
      mostInTurn = Math.max(mostInTurn, requests.length - before);
      before = requests.length;
    }
    expect(mostInTurn).toBeLessThan(40);
    await all;
    expect(messages.map(({ text }) => (JSON.parse(text) as { intent: string }).intent.split(' ')[0])).toEqual(
      Array.from({ length: 2000 }, (_, at) => String(at)),
    );
  });

  it('says that it is there, what serves, and that it is gone', async () => {
    const { broker } = await echoing();
    broker.setInfo({ version: '0.1.0' });
    const { messages } = await listen(await client(broker.url), ['intentd/dev/state', 'intentd/dev/info'], 3);
    await until(() => messages.length === 2);
    expect(messages.map(({ text }) => text).sort()).toEqual(['online', '{"version":"0.1.0"}']);
    broker.setState('degraded');
    await until(() => messages.length === 3);
    expect(messages[2]!.text).toBe('degraded');
  });

  it('fault 1: malformed payloads are answered, and the others served', async () => {
    const { broker, requests } = await echoing();
    const mqtt = await client(broker.url);
    const { all } = await listen(mqtt, ['intentd/dev/response'], 3);
    await mqtt.publishAsync('intentd/dev/request', Buffer.from([0xff]), { qos: 1 });
    await mqtt.publishAsync('intentd/dev/request', 'x'.repeat(100_000), { qos: 1 });
    await mqtt.publishAsync('intentd/dev/request', 'fine', { qos: 1 });
    const answers = (await all).map(({ text }) => JSON.parse(text) as { error?: { code: string } });
    expect(answers.map((answer) => answer.error?.code)).toEqual(['bad_request', 'too_large', undefined]);
    expect(requests).toHaveLength(1);
    expect(broker.counters.refused).toBe(2);
  });

  it('a retained request is ignored and counted', async () => {
    const port = await freePort();
    const first = await echoing({ embeddedPort: port });
    const mqtt = await client(first.broker.url);
    await mqtt.publishAsync('intentd/dev/request', 'old', { qos: 1, retain: true });
    await until(() => first.requests.length === 1);
    const second = await echoing({
      device: 'dev',
      endpoint: parseEndpoint(first.broker.url, {}),
      protocol: '3.1.1',
    });
    await until(() => second.broker.counters.retained === 1);
    expect(second.requests).toHaveLength(0);
  });

  it('MQTT 3.1.1 is spoken with a broker that speaks nothing newer', async () => {
    const first = await echoing();
    const endpoint = parseEndpoint(first.broker.url, {});
    const { requests } = await echoing({ device: 'second', endpoint, protocol: 'auto' });
    const mqtt = await client(first.broker.url);
    await mqtt.publishAsync('intentd/second/request', 'hello', { qos: 1 });
    await until(() => requests.length === 1);
  });

  it('answers wait, bounded, for a broker that does not read, and then all go out', async () => {
    const first = await echoing();
    const proxy = new TcpProxy(Number(new URL(first.broker.url).port));
    await proxy.start();
    cleanups.push(() => proxy.stop());
    const endpoint = { host: '127.0.0.1', port: proxy.port };
    const { broker } = await echoing({ device: 'second', endpoint, protocol: '3.1.1' });
    const mqtt = await client(first.broker.url);
    const { messages } = await listen(mqtt, ['intentd/second/response']);
    proxy.freeze();
    const payload = 'x'.repeat(10_000);
    for (let i = 0; i < 3000; i++) broker.publish({ topic: 'intentd/second/response', payload, qos: 0 });
    await until(() => broker.counters.waiting > 1000);
    proxy.thaw();
    await until(() => messages.length === 3000);
    expect(broker.counters.waiting).toBe(0);
  });

  it('answers wait, bounded, for a subscriber of its own that does not read; requests are still taken', async () => {
    const { broker, requests } = await echoing();
    const proxy = new TcpProxy(Number(new URL(broker.url).port));
    await proxy.start();
    cleanups.push(() => proxy.stop());
    const slow = await client(`mqtt://127.0.0.1:${proxy.port}`);
    const { messages } = await listen(slow, ['intentd/dev/response']);
    proxy.freeze();
    const payload = 'x'.repeat(10_000);
    for (let i = 0; i < 3000; i++) broker.publish({ topic: 'intentd/dev/response', payload, qos: 0 });
    await until(() => broker.counters.waiting > 1000);
    const other = await client(broker.url);
    await other.publishAsync('intentd/dev/request', 'hello', { qos: 1 });
    await until(() => requests.length === 1);
    proxy.thaw();
    await until(() => messages.length === 3001);
    expect(broker.counters.waiting).toBe(0);
  });

  it('requests of its pools are its own to answer', async () => {
    const { broker } = await echoing({ pools: ['home'] });
    const mqtt = await client(broker.url);
    const { all } = await listen(mqtt, ['intentd/pool/home/response']);
    await mqtt.publishAsync('intentd/pool/home/request', 'hello', { qos: 1 });
    expect(JSON.parse((await all)[0]!.text)).toMatchObject({ intent: 'hello' });
  });

  it('a taken port is a clear error that says what to do', async () => {
    const { broker } = await echoing();
    const port = Number(new URL(broker.url).port);
    const second = brokerRoom({ embeddedPort: port });
    await expect(second.broker.start()).rejects.toThrow(
      `Port ${port} is taken, probably by another broker: use that one with broker.url=mqtt://localhost:${port}`,
    );
  });
});

describe.skipIf(!haveMosquitto)('with mosquitto', () => {
  async function mosquitto(lines?: string[]): Promise<Mosquitto> {
    const server = new Mosquitto(await freePort(), lines);
    await server.start();
    cleanups.push(() => server.kill());
    return server;
  }

  it('MQTT 5 requests are answered on their Response Topic with their Correlation Data', async () => {
    const server = await mosquitto();
    await echoing({ endpoint: parseEndpoint(server.url, {}) });
    const mqtt = await client(server.url, { protocolVersion: 5 });
    const { all } = await listen(mqtt, ['my/app/response']);
    await mqtt.publishAsync('intentd/dev/request', 'hello', {
      qos: 1,
      properties: { responseTopic: 'my/app/response', correlationData: Buffer.from('c7') },
    });
    const [answer] = await all;
    expect(answer!.packet.properties?.correlationData?.toString()).toBe('c7');
    expect(JSON.parse(answer!.text)).toMatchObject({ intent: 'hello' });
  });

  async function proxied(server: Mosquitto): Promise<TcpProxy> {
    const proxy = new TcpProxy(server.port);
    await proxy.start();
    cleanups.push(() => proxy.stop());
    return proxy;
  }

  it('its last will says offline when its connection breaks, and it comes back by itself', async () => {
    const server = await mosquitto();
    const proxy = await proxied(server);
    const endpoint = { host: '127.0.0.1', port: proxy.port };
    const { broker } = await echoing({ endpoint });
    const { messages } = await listen(await client(server.url), ['intentd/dev/state']);
    await until(() => messages.at(-1)?.text === 'online');
    proxy.cut();
    await until(() => messages.some(({ text }) => text === 'offline'));
    await until(() => broker.up && messages.at(-1)?.text === 'online');
  });

  it('several agents share the requests of a pool', async () => {
    const server = await mosquitto();
    const endpoint = parseEndpoint(server.url, {});
    const agents = await Promise.all(
      ['a', 'b', 'c'].map((device) => echoing({ device, endpoint, pools: ['home'] })),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const mqtt = await client(server.url);
    const { all } = await listen(mqtt, ['intentd/pool/home/response'], 30);
    for (let i = 0; i < 30; i++) {
      await mqtt.publishAsync('intentd/pool/home/request', `{"text":"t","id":"${i}"}`, { qos: 1 });
    }
    expect(new Set((await all).map(({ text }) => (JSON.parse(text) as { id: string }).id)).size).toBe(30);
    for (const { requests } of agents) expect(requests.length).toBeGreaterThanOrEqual(8);
  });
});
