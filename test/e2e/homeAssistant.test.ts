import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type IPublishPacket, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { faultsOf, type DiscoveryMessage } from '../support/homeAssistantFields.js';
import { Mosquitto, freePort, haveMosquitto } from '../support/mosquitto.js';
import { until } from '../support/until.js';

const haveSub = spawnSync('mosquitto_sub', ['--help']).error === undefined;
const topic = 'homeassistant/device/intentd_agent/config';
const enabled = ['--set', 'homeAssistant.enabled=true'];

describe.skipIf(!haveMosquitto || !haveSub)('an agent that is announced to Home Assistant', () => {
  let server: Mosquitto;
  let mqtt: MqttClient;
  const agent = new Agent();
  const heard: { topic: string; payload: string; packet: IPublishPacket }[] = [];

  beforeAll(async () => {
    server = new Mosquitto(await freePort());
    await server.start();
    mqtt = await connectAsync(server.url);
    mqtt.on('message', (where, payload, packet) =>
      heard.push({ topic: where, payload: payload.toString(), packet }),
    );
    await mqtt.subscribeAsync(['homeassistant/#', 'intentd/+/intent', 'intentd/+/response'], { qos: 1 });
    await agent.start('--broker', server.url, ...enabled);
  }, 120_000);

  afterAll(async () => {
    await mqtt.endAsync(true);
    await agent.end('SIGKILL');
    await server.kill();
  });

  const announcements = () => heard.filter((message) => message.topic === topic && message.payload !== '');

  /** What the broker keeps, as Debian's mosquitto_sub shows it: `[retained, topic, payload]`. */
  function kept(): Promise<[string, string, string][]> {
    const format = ['-F', '%r %t %p', '--retained-only', '-W', '1'];
    const args = ['-p', String(server.port), '-t', 'homeassistant/#', ...format];
    return new Promise((resolve) => {
      execFile('mosquitto_sub', args, (_error, out) => {
        const lines = out.split('\n').filter((line) => line !== '');
        resolve(lines.map((line) => /^(\d) (\S+) (.*)$/.exec(line)!.slice(1) as [string, string, string]));
      });
    });
  }

  it('is shown retained by mosquitto_sub, with every field that the documentation requires', async () => {
    await until(() => announcements().length > 0);
    const [[retained, where, payload]] = (await kept()) as [[string, string, string]];
    expect([retained, where]).toEqual(['1', topic]);
    const message = JSON.parse(payload) as DiscoveryMessage;
    expect(faultsOf(where, message)).toEqual([]);
    expect(message.components['intent']!['event_types']).toContain('tell_joke');
  });

  it('is announced again when Home Assistant says online, once for several, and not for anything else', async () => {
    const before = announcements().length;
    await mqtt.publishAsync('homeassistant/status', 'offline');
    await mqtt.publishAsync('homeassistant/status', 'online');
    await mqtt.publishAsync('homeassistant/status', 'online');
    await until(() => announcements().length > before);
    // As long as a second one might wait by chance.
    await new Promise((resolve) => setTimeout(resolve, 3100));
    expect(announcements()).toHaveLength(before + 1);
    expect(announcements().at(-1)!.payload).toBe(announcements()[0]!.payload);
  });

  it('tells every answer as an event, whatever way it was asked, and without its text', async () => {
    await mqtt.publishAsync('hermes/nlu/query', JSON.stringify({ input: 'crack a joke for the two of us' }));
    await until(() => heard.some((message) => message.topic === 'intentd/agent/intent'));
    const { payload, packet } = heard.find((message) => message.topic === 'intentd/agent/intent')!;
    expect(JSON.parse(payload)).toMatchObject({ event_type: 'tell_joke', model: 'clinc150-minilm-l6 1.0.0' });
    expect([packet.retain, payload.includes('two of us')]).toEqual([false, false]);
  });

  it('publishes no answer where Home Assistant looks for devices', async () => {
    const sender = await connectAsync(server.url, { protocolVersion: 5 });
    const properties = { responseTopic: 'homeassistant/x/response' };
    await sender.publishAsync('intentd/agent/request', 'crack a joke for the two of us', {
      qos: 1,
      properties,
    });
    await until(() => heard.some((message) => message.topic === 'intentd/agent/response'));
    const refusal = heard.find((message) => message.topic === 'intentd/agent/response')!;
    expect(JSON.parse(refusal.payload)).toMatchObject({ error: { code: 'bad_request' } });
    expect(heard.filter((message) => message.topic === 'homeassistant/x/response')).toEqual([]);
    await sender.endAsync();
  });

  it('leaves another agent of another id beside it', async () => {
    const other = new Agent();
    await other.start('--broker', server.url, ...enabled, '--device', 'garage');
    await until(() => heard.some((message) => message.topic.includes('intentd_garage')));
    const message = async () => (await kept()).map(([, where]) => where).sort();
    expect(await message()).toEqual([topic, topic.replace('agent', 'garage')].sort());
    await other.end();
    // Its device is gone for good, and its agent too: a command takes it out.
    const remove = ['home-assistant', 'remove', '--broker', server.url, '--device', 'garage'];
    const { status, out } = await intentd(...remove);
    expect([status, out]).toEqual([0, expect.stringContaining('garage is taken out of Home Assistant')]);
    expect(await message()).toEqual([topic]);
  }, 120_000);

  it('moves with a changed prefix, and is taken back when it is switched off', async () => {
    await agent.end();
    await agent.start('--broker', server.url, ...enabled, '--set', 'homeAssistant.prefix=homeassistant/two');
    await until(() => agent.log.some(({ msg }) => msg === 'this device was taken back from Home Assistant'));
    expect((await kept()).map(([, where]) => where)).toEqual([topic.replace('/device', '/two/device')]);
    await agent.end();
    agent.log.splice(0);
    await agent.start('--broker', server.url);
    await until(() => agent.log.some(({ msg }) => msg === 'this device was taken back from Home Assistant'));
    expect(await kept()).toEqual([]);
    const record = join(agent.stateDir, 'home-assistant.json');
    const topics = () => (JSON.parse(readFileSync(record, 'utf8')) as { topics: string[] }).topics;
    await until(() => existsSync(record) && topics().length === 0);
  }, 120_000);
});

describe.skipIf(!haveMosquitto)('an agent as it comes', () => {
  it('says nothing to Home Assistant, and of itself in info, engine and metrics what the protocol promises', async () => {
    const server = new Mosquitto(await freePort());
    await server.start();
    const mqtt = await connectAsync(server.url);
    const heard = new Map<string, Record<string, unknown>>();
    mqtt.on('message', (where, payload) => {
      const text = payload.toString();
      heard.set(where, text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text });
    });
    await mqtt.subscribeAsync(['homeassistant/#', 'intentd/#'], { qos: 1 });
    const agent = new Agent();
    await agent.start('--broker', server.url);
    await mqtt.publishAsync('intentd/agent/request', 'crack a joke for the two of us', { qos: 1 });
    const own = ['request', 'response', 'state', 'info', 'engine', 'metrics'].map(
      (name) => `intentd/agent/${name}`,
    );
    await until(() => own.every((where) => heard.has(where)), 30_000);
    // Whatever others of the protocol come, too: none of Home Assistant's.
    expect([...heard.keys()].filter((where) => /^homeassistant|intent$/.test(where))).toEqual([]);
    expect(heard.get('intentd/agent/info')).toMatchObject({
      device: 'agent',
      agent: expect.any(String) as string,
      models: [
        {
          ...{
            id: 'clinc150-minilm-l6',
            version: '1.0.0',
            digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
          },
          ...{ engine: 'onnxruntime', precision: 'int8', default: true },
          sparsity: expect.closeTo(0.4, 1) as number,
        },
      ],
    });
    expect(heard.get('intentd/agent/engine')).toEqual({ phase: 'ready', percent: 100, step: 'serving' });
    const figures = ['ratePerSecond', 'p50Ms', 'p95Ms', 'p99Ms', 'energyMj', 'railsW', 'queued', 'dropped'];
    expect(Object.keys(heard.get('intentd/agent/metrics')!)).toEqual(expect.arrayContaining(figures));
    await agent.end();
    await mqtt.endAsync(true);
    await server.kill();
  }, 120_000);
});
