import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseEndpoint, type Endpoint } from '../../src/broker/index.js';
import { brokerRoom } from '../support/brokerRoom.js';
import { Mosquitto, freePort, haveMosquitto } from '../support/mosquitto.js';
import { ScriptedBroker, type Script } from '../support/scriptedBroker.js';
import { TcpProxy } from '../support/tcpProxy.js';
import { until } from '../support/until.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const response = 'intentd/dev/response';

/** Mosquitto's own plugin that can deny subscriptions, where it is installed. */
const plugin = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib']
  .map((folder) => `${folder}/mosquitto_dynamic_security.so`)
  .find((path) => existsSync(path));

async function scripted(script: Script = {}): Promise<ScriptedBroker> {
  const server = new ScriptedBroker(script);
  await server.start();
  cleanups.push(() => server.stop());
  return server;
}

async function mosquitto(...lines: string[]): Promise<Mosquitto> {
  const server = new Mosquitto(await freePort(), lines.length === 0 ? undefined : lines);
  await server.start();
  cleanups.push(() => server.kill());
  return server;
}

/** A broker room that has begun to connect. */
async function room(endpoint: Endpoint, options: Parameters<typeof brokerRoom>[0] = {}) {
  const made = brokerRoom({ endpoint, ...options });
  cleanups.push(() => made.broker.stop(100));
  await made.broker.start();
  return made;
}

describe('fault 5: a broker that goes again and again', () => {
  it('gets every answer in the outbox at least once, in its order, whenever it goes', async () => {
    const server = await scripted({ receiveMaximum: 20 });
    const { broker, up } = await room(parseEndpoint(server.url, {}), { protocol: '5' });
    await up;
    const delivered = new Set<number>();
    for (let at = 0; at < 3000; at++) {
      broker.publish({ topic: response, payload: String(at), qos: 1 }, () => delivered.add(at));
    }
    for (let cut = 1; cut <= 3; cut++) {
      await until(() => server.published.length > cut * 500);
      server.cut();
    }
    await until(() => delivered.size === 3000, 30_000);
    const firsts = [...new Set(server.on(response))];
    expect(firsts).toEqual(Array.from({ length: 3000 }, (_, at) => String(at)));
    expect(broker.counters).toMatchObject({ dropped: 0, waiting: 0 });
  }, 60_000);

  it('is tried again after waits that no two agents share', async () => {
    const server = await scripted();
    const agents = await Promise.all(
      Array.from({ length: 8 }, (_, at) => room(parseEndpoint(server.url, {}), { device: `d${at}` })),
    );
    await Promise.all(agents.map(({ up }) => up));
    server.cut();
    await until(() => agents.every(({ waitsMs }) => waitsMs.length === 1));
    const waits = agents.map(({ waitsMs }) => waitsMs[0]!);
    expect(new Set(waits).size).toBeGreaterThan(4);
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(50);
      expect(wait).toBeLessThanOrEqual(1000);
    }
  });

  it.skipIf(!haveMosquitto)('gets what was answered meanwhile when it is back', async () => {
    const server = await mosquitto();
    const { broker, downs } = await room(parseEndpoint(server.url, {}));
    await until(() => broker.up);
    await server.kill();
    await until(() => downs.length > 0);
    broker.publish({ topic: response, payload: 'kept', qos: 1 });
    expect(broker.counters.waiting).toBe(1);
    await server.start();
    const mqtt = await connectAsync(server.url);
    cleanups.push(() => mqtt.endAsync(true));
    const heard: string[] = [];
    mqtt.on('message', (_topic, payload) => heard.push(payload.toString()));
    await mqtt.subscribeAsync(response, { qos: 1 });
    await until(() => heard.at(-1) === 'kept');
  });
});

describe('fault 6: a half-open connection', () => {
  it.each([1, 2])('is noticed within 1.5 times a keepalive of %s s, and not before it', async (seconds) => {
    const server = await scripted();
    const proxy = new TcpProxy(Number(new URL(server.url).port));
    await proxy.start();
    cleanups.push(() => proxy.stop());
    const endpoint = { host: '127.0.0.1', port: proxy.port };
    const { downs, up } = await room(endpoint, { keepaliveSeconds: seconds, protocol: '5' });
    await up;
    const frozen = performance.now();
    proxy.freeze();
    await until(() => downs.length > 0);
    const tookMs = performance.now() - frozen;
    expect(tookMs).toBeLessThan(1.5 * 1000 * seconds + 200);
    expect(tookMs).toBeGreaterThan(0.4 * 1000 * seconds);
  });
});

describe('fault 7: a day without a broker', () => {
  it('leaves a bounded outbox, in which QoS 0 went first and the oldest of each kind, all counted', async () => {
    const port = await freePort();
    const { broker, downs } = await room(parseEndpoint(`mqtt://127.0.0.1:${port}`, {}), {
      protocol: '3.1.1',
    });
    await until(() => downs.length > 0);
    const done: string[] = [];
    const publish = (kind: string, qos: 0 | 1, count: number): void => {
      for (let at = 0; at < count; at++) {
        const payload = `${kind}-${at}`;
        broker.publish({ topic: response, payload, qos }, () => done.push(payload));
      }
    };
    publish('early', 1, 3000);
    publish('quick', 0, 9000);
    publish('late', 1, 6000);
    expect(broker.counters).toMatchObject({ waiting: 10_000, dropped: 8000 });
    // Whoever keeps them beside this outbox learns that they will not go out any more.
    expect(done).toEqual(Array.from({ length: 8000 }, (_, at) => `quick-${at}`));
    publish('last', 1, 2000);
    expect(broker.counters).toMatchObject({ waiting: 10_000, dropped: 10_000 });
    expect(done.slice(-1001)).toEqual([
      'quick-8999',
      ...Array.from({ length: 1000 }, (_, at) => `early-${at}`),
    ]);
  });
});

describe('fault 9: a broker that does not want us', () => {
  it.skipIf(!haveMosquitto)(
    'for a wrong password says why, and is tried again, later each time',
    async () => {
      // The longest waits that the jitter allows.
      const chance = vi.spyOn(Math, 'random').mockReturnValue(1);
      cleanups.push(() => {
        chance.mockRestore();
      });
      const server = await mosquitto('allow_anonymous false');
      const { downs, waitsMs } = await room(parseEndpoint(server.url, {}), {
        username: 'me',
        password: 'no',
      });
      await until(() => downs.length >= 3, 15_000);
      for (const reason of downs) expect(reason).toMatch(/Not authorized/i);
      expect(waitsMs.slice(0, 3)).toEqual([1000, 2000, 4000]);
    },
    30_000,
  );

  it('for a topic says which, and is tried again', async () => {
    const server = await scripted({ granted: 0x87 });
    const { broker, downs } = await room(parseEndpoint(server.url, {}), { protocol: '5' });
    await until(() => downs.length >= 2, 15_000);
    for (const reason of downs) expect(reason).toContain('denied the subscription to intentd/dev/request');
    expect(server.connections).toBeGreaterThanOrEqual(2);
    expect(broker.up).toBe(false);
  }, 30_000);

  it.skipIf(!haveMosquitto || plugin === undefined)(
    'for a topic, as mosquitto does it, says which, and serves once it is allowed',
    async () => {
      const rules = join(mkdtempSync(join(tmpdir(), 'intentd-acl-')), 'rules.json');
      writeFileSync(rules, JSON.stringify(accessRules(false)));
      const server = await mosquitto(
        'allow_anonymous true',
        `plugin ${plugin}`,
        `plugin_opt_config_file ${rules}`,
      );
      const { broker, downs } = await room(parseEndpoint(server.url, {}));
      await until(() => downs.length > 0);
      expect(downs[0]).toContain('denied the subscription to intentd/dev/request');
      await server.kill();
      writeFileSync(rules, JSON.stringify(accessRules(true)));
      await server.start();
      await until(() => broker.up, 20_000);
    },
    40_000,
  );

  it('is never tried without TLS where TLS is configured', async () => {
    const firstBytes: number[] = [];
    const listener = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (chunk) => {
        firstBytes.push(chunk[0]!);
        socket.destroy();
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => listener.close());
    const { port } = listener.address() as AddressInfo;
    const { downs } = await room(parseEndpoint(`mqtts://127.0.0.1:${port}`, {}));
    await until(() => downs.length >= 3, 15_000);
    // 22 begins a TLS handshake; a CONNECT of MQTT would be 16.
    expect(new Set(firstBytes)).toEqual(new Set([22]));
  }, 30_000);
});

/** Rules of mosquitto's own plugin for dynamic security: whether anybody may subscribe. */
function accessRules(subscribe: boolean) {
  const access = { publishClientSend: true, publishClientReceive: true, subscribe, unsubscribe: true };
  return { defaultACLAccess: access, clients: [], groups: [], roles: [] };
}
