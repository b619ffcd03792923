import { expect, it } from 'vitest';
import { parseEndpoint } from '../../src/broker/index.js';
import { brokerRoom } from '../support/brokerRoom.js';
import { ScriptedBroker } from '../support/scriptedBroker.js';

const burst = 10_000;

it('fault 8: a Receive Maximum of 1 is never exceeded by a burst of 10,000', async () => {
  const server = new ScriptedBroker({ receiveMaximum: 1 });
  await server.start();
  const { broker, up } = brokerRoom({ endpoint: parseEndpoint(server.url, {}), protocol: '5' });
  await broker.start();
  await up;

  const delivered = new Promise<void>((resolve) => {
    for (let at = 0; at < burst; at++) {
      const last = at === burst - 1 ? resolve : undefined;
      broker.publish({ topic: 'intentd/dev/response', payload: `answer ${at}`, qos: 1 }, last);
    }
  });
  await delivered;
  expect(server.on('intentd/dev/response')).toEqual(Array.from({ length: burst }, (_, at) => `answer ${at}`));
  expect(server.mostUnacknowledged).toBe(1);
  expect(broker.counters.dropped).toBe(0);
  await broker.stop(1000);
  await server.stop();
});
