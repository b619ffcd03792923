import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.js';

const agent = new Agent();
let mqtt: MqttClient;

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
/** A request of both dialects, with something more; without that it would be answered. */
const requestWith = (more: string) =>
  `{"text":"polish the brass knobs twice","input":"polish the brass knobs twice"${more}}`;
const malformed: [string, string | Buffer, string][] = [
  ['invalid UTF-8', Buffer.from([0xc3, 0x28]), 'bad_request'],
  ['NUL', 'a\0b', 'bad_request'],
  ['NUL in JSON', '{"text":"a\\u0000b","input":"a\\u0000b"}', 'bad_request'],
  ['nothing', '', 'bad_request'],
  ['an empty text', '{"text":" ","input":" "}', 'bad_request'],
  ['16 KiB + 1', requestWith('').padEnd(16_385), 'too_large'],
  ['JSON nested 10,000 deep', deep(10_000), 'too_large'],
  ['JSON nested as deep as 16 KiB allow', requestWith(`,"customData":${deep(8100)}`), 'bad_request'],
  ['JSON nested 9 deep', requestWith(`,"customData":${deep(8)}`), 'bad_request'],
  ['JSON nested 10,000 deep and not closed', '{"a":'.repeat(3276), 'bad_request'],
  ['a key __proto__', requestWith(',"__proto__":{"topK":3}'), 'bad_request'],
  ['a number as text', '{"text":5,"input":5}', 'bad_request'],
  ['100,000 of one character', 'x'.repeat(100_000), 'too_large'],
];

beforeAll(async () => {
  await agent.start();
  mqtt = await connectAsync(agent.url);
}, 120_000);

afterAll(async () => {
  await mqtt.endAsync(true);
  await agent.end('SIGKILL');
});

interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Listens for failures on a topic until closed. */
async function failuresOn(topic: string, read: (payload: string) => Failure) {
  const heard: Failure[] = [];
  const listen = (on: string, payload: Buffer): void => {
    if (on === topic) heard.push(read(payload.toString()));
  };
  mqtt.on('message', listen);
  await mqtt.subscribeAsync(topic, { qos: 1 });
  return heard;
}

async function settled(heard: readonly unknown[], count: number): Promise<void> {
  for (let tries = 0; tries < 500 && heard.length < count; tries++)
    await new Promise((r) => setTimeout(r, 10));
  // Time for an answer too many.
  await new Promise((resolve) => setTimeout(resolve, 200));
}

/** 99th percentile of round trips, in ms, of a request every 10 ms for `seconds`. */
async function p99Of(seconds: number): Promise<number> {
  const client = await connectAsync(agent.url);
  const sentAt = new Map<string, number>();
  const took: number[] = [];
  client.on('message', (_topic, payload) => {
    const { id } = JSON.parse(payload.toString()) as { id: string | null };
    const at = sentAt.get(id ?? '');
    if (at !== undefined) took.push(performance.now() - at);
  });
  await client.subscribeAsync('intentd/agent/response', { qos: 1 });
  for (let sent = 0; sent < seconds * 100; sent++) {
    const id = `${performance.now()}-${sent}`;
    sentAt.set(id, performance.now());
    client.publish(
      'intentd/agent/request',
      JSON.stringify({ text: 'how much is left in my checking account today', id }),
      { qos: 1 },
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await settled(took, sentAt.size);
  await client.endAsync(true);
  expect(took).toHaveLength(sentAt.size);
  return took.sort((a, b) => a - b)[Math.ceil(took.length * 0.99) - 1]!;
}

describe('fault 1: malformed requests', () => {
  it.each(malformed)('%s gets one clear error answer in both dialects', async (_name, payload, code) => {
    const native = await failuresOn('intentd/agent/response', (text) => {
      return (JSON.parse(text) as { error: Failure }).error;
    });
    const hermes = await failuresOn('hermes/error/nlu', (text) => {
      const { context, error } = JSON.parse(text) as { context: string; error: string };
      return { code: context, message: error };
    });
    await mqtt.publishAsync('intentd/agent/request', payload, { qos: 1 });
    await mqtt.publishAsync('hermes/nlu/query', payload, { qos: 1 });
    await settled(hermes, 1);
    mqtt.removeAllListeners('message');
    expect(native.map((failure) => failure.code)).toEqual([code]);
    expect(hermes.map((failure) => failure.code)).toEqual([code]);
    for (const { message } of [...native, ...hermes]) expect(message).toMatch(/^\S.{8,}\.$/);
  });

  it('leave the p99 of the others as it was', async () => {
    await p99Of(1);
    const alone = await p99Of(4);
    const hostile = setInterval(() => {
      for (const [, payload] of malformed) mqtt.publish('intentd/agent/request', payload, { qos: 1 });
    }, 100);
    const beside = await p99Of(4);
    clearInterval(hostile);
    // What the scheduler of a busy machine adds to either.
    expect(beside).toBeLessThan(1.5 * alone + 5);
  }, 60_000);
});
