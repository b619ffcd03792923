import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../src/broker/index.js';
import { brokerRoom } from '../support/brokerRoom.js';
import { Certificates, haveOpenssl } from '../support/certificates.js';
import { Mosquitto, freePort, haveMosquitto } from '../support/mosquitto.js';

const certificates = new Certificates();
const { folder } = certificates;
const cleanups: (() => Promise<unknown>)[] = [];

/** How a daemon fares with a broker that shows a certificate, trusting `ca`: `up`, or why not. */
async function outcome(shown: string, ca: string): Promise<string> {
  const server = new Mosquitto(await freePort(), [
    'allow_anonymous true',
    `cafile ${folder}/ca.pem`,
    `certfile ${folder}/${shown}.pem`,
    `keyfile ${folder}/${shown}.key`,
  ]);
  await server.start();
  cleanups.push(() => server.kill());
  const endpoint = parseEndpoint(`mqtts://127.0.0.1:${server.port}`, { caFile: join(folder, `${ca}.pem`) });
  const { broker, downs, up } = brokerRoom({ endpoint });
  cleanups.unshift(() => broker.stop(100));
  await broker.start();
  while (downs.length === 0 && !broker.up) await Promise.race([up, new Promise((r) => setTimeout(r, 10))]);
  return downs[0] ?? 'up';
}

describe.skipIf(!haveMosquitto || !haveOpenssl)('fault 9: over TLS', () => {
  beforeAll(() => {
    certificates.authority('ca');
    certificates.authority('stranger');
    certificates.server('right', 'IP:127.0.0.1');
    certificates.server('elsewhere', 'DNS:broker.example');
    certificates.server('expired', 'IP:127.0.0.1', -1);
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup();
  });

  it.each([
    ['the right certificate connects', 'right', 'ca', /^up$/],
    [
      'another authority is a clear reason',
      'right',
      'stranger',
      /unable to verify|self.signed|unable to get/,
    ],
    ['another host name is a clear reason', 'elsewhere', 'ca', /does not match certificate/],
    ['an expired certificate is a clear reason', 'expired', 'ca', /certificate has expired/],
  ])('%s', async (_name, shown, ca, expected) => {
    expect(await outcome(shown, ca)).toMatch(expected);
  });
});
