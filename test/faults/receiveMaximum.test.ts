import { expect, it } from 'vitest';
import { silentLogger } from '../../src/base/index.js';
import { Broker, parseEndpoint } from '../../src/broker/index.js';
import { CountingBroker } from '../support/countingBroker.js';

const burst = 10_000;

it('fault 8: a Receive Maximum of 1 is never exceeded by a burst of 10,000', async () => {
  const server = new CountingBroker(1);
  await server.start();
  let up: () => void = () => undefined;
  const connected = new Promise<void>((resolve) => (up = resolve));
  const handlers = { onRequest: () => undefined, onRefused: () => undefined, onDown: () => undefined };
  const broker = new Broker(
    {
      device: 'dev',
      prefix: 'intentd',
      endpoint: parseEndpoint(server.url, {}),
      embeddedPort: 0,
      protocol: '5',
      keepaliveSeconds: 30,
      responseTopics: [],
      pools: [],
      hermes: { enabled: false, siteIds: [] },
    },
    {
      ...handlers,
      onUp: () => {
        up();
      },
    },
    silentLogger,
  );
  await broker.start();
  await connected;

  const delivered = new Promise<void>((resolve) => {
    for (let at = 0; at < burst; at++) {
      const last = at === burst - 1 ? resolve : undefined;
      broker.publish({ topic: 'intentd/dev/response', payload: `answer ${at}`, qos: 1 }, last);
    }
  });
  await delivered;
  expect(server.received.filter((payload) => payload.startsWith('answer'))).toEqual(
    Array.from({ length: burst }, (_, at) => `answer ${at}`),
  );
  expect(server.mostUnacknowledged).toBe(1);
  expect(broker.counters.dropped).toBe(0);
  await broker.stop(1000);
  await server.stop();
});
