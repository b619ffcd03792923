import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseEndpoint } from '../../src/broker/index.js';
import { brokerRoom } from '../support/brokerRoom.js';
import { Mosquitto, freePort, haveMosquitto } from '../support/mosquitto.js';

const folder = mkdtempSync(join(tmpdir(), 'intentd-tls-'));
const haveOpenssl = spawnSync('openssl', ['version']).status === 0;
const cleanups: (() => Promise<unknown>)[] = [];

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
}

function authority(name: string): void {
  openssl(
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`],
  );
}

/** A server certificate of `ca` for a subject alternative name, valid for `days` (−1: expired). */
function certificate(name: string, san: string, days: number): void {
  openssl(
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`],
    ...['-keyout', `${name}.key`, '-out', `${name}.csr`],
  );
  writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${san}\n`);
  openssl(
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`],
  );
}

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
    authority('ca');
    authority('stranger');
    certificate('right', 'IP:127.0.0.1', 2);
    certificate('elsewhere', 'DNS:broker.example', 2);
    certificate('expired', 'IP:127.0.0.1', -1);
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
