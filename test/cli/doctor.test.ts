import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/index.js';
import { memory, nodeVersion, stateDirectory } from '../../src/cli/doctor/machine.js';
import { captureIo } from '../support/capture.js';
import { freePort } from '../support/mosquitto.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';

const folder = mkdtempSync(join(tmpdir(), 'intentd-doctor-'));

async function doctor(...args: string[]) {
  const io = captureIo();
  const port = await freePort();
  const status = await runCommandLine(
    ['doctor', '--state-dir', folder, '--set', `broker.embeddedPort=${port}`, ...args],
    io,
  );
  return { status, io };
}

/** A broker that denies subscriptions to some topic filters. */
async function brokerThatDenies(filters: readonly string[]) {
  const aedes = await Aedes.createBroker({
    authorizeSubscribe: (_client, subscription, done) => {
      done(null, filters.includes(subscription.topic) ? null : subscription);
    },
  });
  const server = createServer((socket) => {
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close();
      aedes.close(resolve);
    });
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

describe('intentd doctor', () => {
  it('finds this machine fit, line by line, and says what follows from what is missing', async () => {
    const { status, io } = await doctor();
    expect(status).toBe(0);
    expect(io.printed).toContainEqual(expect.stringMatching(/^ok {7}Node\.js: /));
    expect(io.printed).toContainEqual('ok       bundle: clinc150-minilm-l6 1.0.0 is whole');
    for (const line of io.printed) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('names the meter of this machine and what it covers, and what holds the clocks back', async () => {
    const { root } = SysfsTree.ofJetson(boards.orinNano);
    const { io } = await doctor('--json', '--set', `telemetry.sysfs=${root}`);
    const findings = JSON.parse(io.printed.join('\n')) as { check: string; level: string; found: string }[];
    const energy = findings.find(({ check }) => check === 'energy');
    expect(energy).toMatchObject({ level: 'ok' });
    expect(energy!.found).toMatch(
      /^measured by ina3221: the whole board of .*\(VDD_IN\), sampled every 10 ms$/,
    );
    expect(findings.find(({ check }) => check === 'machine')!.found).toMatch(
      /\d+ cores.*, [\d.]+ [MG]iB memory, load/,
    );
    expect(findings.find(({ check }) => check === 'clocks')!.found).toMatch(
      /processor at 1510 MHz, GPU at 918 MHz, 51 °C, held back 2 times since its start$/,
    );
  });

  it('says why nothing measures energy, and what follows', async () => {
    const { status, io } = await doctor('--json', '--set', 'telemetry.meter=none');
    const findings = JSON.parse(io.printed.join('\n')) as { check: string }[];
    expect(findings.find(({ check }) => check === 'energy')).toEqual({
      check: 'energy',
      level: 'warning',
      found: expect.stringContaining('telemetry.meter is none') as string,
      advice: 'Energy is not measured, and answers say null.',
    });
    expect(status).toBe(0);
  });

  it.each([
    ['lets be heard all that an agent hears', [], 'ok', /^3 may be heard$/],
    [
      'denies topics names them, and fails',
      ['hermes/nlu/query', '$share/home/intentd/pool/home/request'],
      'failure',
      /^denied: \$share\/home\/intentd\/pool\/home\/request, hermes\/nlu\/query$/,
    ],
  ])('of a broker that %s', async (_name, denied, level, found) => {
    const { url, stop } = await brokerThatDenies(denied);
    const { status, io } = await doctor('--json', '--broker', url, '--set', 'broker.pools=home');
    await stop();
    const findings = JSON.parse(io.printed.join('\n')) as { check: string }[];
    expect(findings.find(({ check }) => check === 'broker topics')).toMatchObject({
      level,
      found: expect.stringMatching(found) as string,
    });
    expect(status).toBe(level === 'ok' ? 0 : 1);
  });

  it('fails where something is broken, and says what to do', async () => {
    const { status, io } = await doctor(
      '--json',
      '--set',
      `model.bundles=${folder}`,
      '--broker',
      'mqtt://127.0.0.1:1',
    );
    expect(status).toBe(1);
    const findings = JSON.parse(io.printed.join('\n')) as { check: string; level: string; advice?: string }[];
    const failed = findings.filter(({ level }) => level === 'failure');
    expect(failed.map(({ check }) => check)).toEqual(['bundle', 'broker']);
    for (const { advice } of failed) expect(advice).toBeDefined();
  });

  it('refuses a Node.js that is too old, and warns of little memory', () => {
    expect(nodeVersion('18.20.0').level).toBe('failure');
    expect(nodeVersion('20.19.0').level).toBe('ok');
    expect(nodeVersion('22.0.0').level).toBe('ok');
    expect(memory(100 * 2 ** 20).level).toBe('warning');
  });

  it('fails on a state directory that cannot be', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(stateDirectory(join(file, 'below')).level).toBe('failure');
  });
});
