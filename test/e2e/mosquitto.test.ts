import { spawnSync } from 'node:child_process';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { missingPython, runPython } from '../support/python.js';
import { Mosquitto, freePort, haveMosquitto } from '../support/mosquitto.js';

const noHermes = missingPython('paho.mqtt.client', 'rhasspyhermes.nlu');
const haveRr = spawnSync('mosquitto_rr', ['--help']).error === undefined;

describe.skipIf(!haveMosquitto)('an agent on Debian’s mosquitto', () => {
  let server: Mosquitto;
  const agent = new Agent();

  beforeAll(async () => {
    server = new Mosquitto(await freePort());
    await server.start();
    await agent.start('--broker', server.url, '--set', 'broker.pools=home');
  }, 120_000);

  afterAll(async () => {
    await agent.end();
    await server.kill();
  });

  it.skipIf(!haveRr)('answers MQTT 5 request and response as mosquitto_rr speaks it', () => {
    const { stdout } = spawnSync(
      'mosquitto_rr',
      [
        ...['-V', '5', '-p', String(server.port), '-W', '10'],
        ...[
          '-t',
          'intentd/agent/request',
          '-e',
          'shell/test/response',
          '-m',
          'crack a joke for the two of us',
        ],
      ],
      { encoding: 'utf8' },
    );
    expect(JSON.parse(stdout)).toMatchObject({ intent: 'tell_joke', device: 'agent' });
  });

  it.skipIf(noHermes !== undefined)('answers rhasspy-hermes over paho-mqtt, which read its messages', () => {
    const script = new URL('../python/hermes_client.py', import.meta.url);
    const heard = JSON.parse(
      runPython(script, [String(server.port), 'crack a joke for the two of us', 'qwertz uiop asdf lkjh']),
    ) as Record<string, unknown>[];
    const common = { site: 'kitchen', session: 'session' };
    expect(heard).toHaveLength(3);
    expect(heard).toContainEqual({
      ...{
        ...common,
        class: 'NluIntent',
        id: '0',
        intent: 'tell_joke',
        raw: 'crack a joke for the two of us',
      },
      ...{ confidence: expect.any(Number) as number, slots: [], lang: 'en', wakeword: 'porcupine' },
    });
    expect(heard).toContainEqual({ ...common, class: 'NluIntentParsed', id: '0' });
    expect(heard).toContainEqual({ ...common, class: 'NluIntentNotRecognized', id: '1' });
  });

  it('fault 4: publishes nothing to a Response Topic that is not allowed, and refuses the request', async () => {
    const mqtt = await connectAsync(server.url, { protocolVersion: 5 });
    const heard: [string, string][] = [];
    mqtt.on('message', (topic, payload) => heard.push([topic, payload.toString()]));
    await mqtt.subscribeAsync(['evil/topic', 'intentd/other/request', 'intentd/agent/response'], { qos: 1 });
    for (const responseTopic of ['evil/topic', 'intentd/other/request', '$SYS/x/response']) {
      await mqtt.publishAsync('intentd/agent/request', 'crack a joke for the two of us', {
        qos: 1,
        properties: { responseTopic },
      });
    }
    for (let tries = 0; tries < 300 && heard.length < 3; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await mqtt.endAsync();
    expect(heard.map(([topic]) => topic)).toEqual(Array(3).fill('intentd/agent/response'));
    for (const [, payload] of heard)
      expect(JSON.parse(payload)).toMatchObject({ error: { code: 'bad_request' } });
  });

  it('is asked by its own command line', async () => {
    const { out } = await intentd(
      'ask',
      ...agent.options,
      '--broker',
      server.url,
      'crack a joke for the two of us',
    );
    expect(out).toContain('tell_joke');
  });

  it('fault 1: answers each malformed request once, and the others as before', async () => {
    const mqtt = await connectAsync(server.url);
    const codes: string[] = [];
    mqtt.on('message', (_topic, payload) => {
      const { error, intent } = JSON.parse(payload.toString()) as {
        error?: { code: string };
        intent?: string;
      };
      codes.push(error?.code ?? intent ?? 'none');
    });
    await mqtt.subscribeAsync('intentd/agent/response', { qos: 1 });
    const malformed: [Buffer | string, string][] = [
      [Buffer.from([0xff, 0xfe]), 'bad_request'],
      ['a\0b', 'bad_request'],
      ['', 'bad_request'],
      ['x'.repeat(16_385), 'too_large'],
      ['['.repeat(5000) + ']'.repeat(5000), 'bad_request'],
      ['{"text":"x","__proto__":1}', 'bad_request'],
      ['{"text":5}', 'bad_request'],
      ['x'.repeat(100_000), 'too_large'],
    ];
    for (const [payload] of malformed) {
      await mqtt.publishAsync('intentd/agent/request', payload, { qos: 1 });
      await mqtt.publishAsync('intentd/agent/request', 'crack a joke for the two of us', { qos: 1 });
    }
    for (let tries = 0; tries < 500 && codes.length < 16; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await mqtt.endAsync();
    expect(codes.filter((code) => code === 'tell_joke')).toHaveLength(8);
    expect(codes.filter((code) => code !== 'tell_joke')).toEqual(malformed.map(([, code]) => code));
  });

  it('answers again when its broker was killed and came back', async () => {
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await server.start();
    let answered = false;
    for (let tries = 0; tries < 40 && !answered; tries++) {
      const { status } = await intentd(
        'ask',
        ...agent.options,
        '--broker',
        server.url,
        '--timeout',
        '500',
        'crack a joke for the two of us',
      );
      answered = status === 0;
    }
    expect(answered).toBe(true);
  }, 60_000);
});
