import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    const none = (await doctor('--json', '--set', 'telemetry.meter=none')).io.printed.join('\n');
    expect(none).toContain('telemetry.meter is none');
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
