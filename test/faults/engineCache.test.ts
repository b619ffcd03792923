import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { writeFakeAddon, type FakeAddonSettings } from '../support/fakeAddon.js';
import { writeTinyBundle } from '../support/tinyBundle.js';

let folder: string;
let agent: Agent;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'intentd-engines-'));
  await writeTinyBundle(join(folder, 'bundle'));
  agent = new Agent();
});

afterEach(async () => {
  delete process.env['INTENTD_NATIVE'];
  await agent.end('SIGKILL');
  rmSync(folder, { recursive: true });
  rmSync(agent.stateDir, { recursive: true, force: true });
});

/** Starts the agent beside an addon that needs no GPU. */
async function start(fake: FakeAddonSettings = {}): Promise<void> {
  process.env['INTENTD_NATIVE'] = writeFakeAddon(folder, fake);
  agent.log.length = 0;
  await agent.start(
    ...['--set', `model.bundles=${join(folder, 'bundle')}`, '--set', 'model.goldenFloor=0'],
    ...['--set', 'engine.attention=standard', '--set', 'engine.measureMs=1'],
  );
}

function said(message: string): boolean {
  return agent.log.some(({ msg }) => String(msg).startsWith(message));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1500; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`it never came: ${JSON.stringify(agent.log)}`);
}

interface Status {
  readonly state: string;
  readonly engines: readonly { readonly kind: string }[];
}

async function kind(): Promise<string | undefined> {
  const { out } = await intentd('engine', 'status', '--json', '--state-dir', agent.stateDir);
  return (JSON.parse(out) as Status).engines[0]?.kind;
}

async function ask(): Promise<number> {
  return (await intentd('ask', ...agent.options, 'play my music')).status;
}

/** Rows of the log that say how long the GPU took; what waits is written when the agent ends. */
async function loggedWithGpuTime(): Promise<number> {
  await agent.end();
  const { out } = await intentd('log', '--json', '--state-dir', agent.stateDir);
  const rows = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { engine: string; gpuUs: number | null });
  return rows.filter(({ engine, gpuUs }) => engine === 'tensorrt' && gpuUs !== null && gpuUs > 0).length;
}

const isBuilt = () => said('the engine that was built serves');
const engines = () => join(agent.stateDir, 'engines');
const keys = () => readdirSync(engines()).filter((name) => name.length === 64);

describe('an agent with TensorRT', () => {
  it('serves with the CPU engine while it builds its own, and with that from then on', async () => {
    await start({ buildMs: 1500 });
    expect(await kind()).toBe('onnxruntime');
    expect(await ask()).toBe(0);
    await until(isBuilt);
    expect(await kind()).toBe('tensorrt');
    expect(await ask()).toBe(0);
    expect(statSync(join(agent.stateDir, 'engine.secret')).mode & 0o777).toBe(0o600);
    expect(await loggedWithGpuTime()).toBe(1);
  }, 60_000);

  it('starts with the engine that it built before', async () => {
    await start();
    await until(isBuilt);
    await agent.end();
    await start();
    expect(await kind()).toBe('tensorrt');
    expect(await ask()).toBe(0);
    expect(said('the engine is being built')).toBe(false);
  }, 60_000);

  it('serves with the CPU engine where there is no GPU', async () => {
    await start({ noGpu: true });
    expect(await kind()).toBe('onnxruntime');
    expect(said('TensorRT cannot be used here')).toBe(true);
  }, 60_000);
});

describe('the command line', () => {
  it('reports, verifies and builds engines', async () => {
    await start();
    await until(isBuilt);
    const state = ['--state-dir', agent.stateDir];
    const report = await intentd('engine', 'report', ...state);
    expect(report.out).toContain('int8-sparse');
    expect(report.out).toContain('1x16');
    expect((await intentd('engine', 'verify', ...state)).out).toMatch(/^[0-9a-f]{64} {2}intact\n$/);
    const built = await intentd('engine', 'build', '--json', ...state);
    expect(JSON.parse(built.out)).toMatchObject({ engine: 'int8-sparse', key: keys()[0] });
    const data = join(folder, 'data.json');
    writeFileSync(
      data,
      JSON.stringify({ val: [['play my music', 'play_music']], oos_val: [['xyzzy', 'oos']] }),
    );
    const how = ['--engine', 'tensorrt', '--set', 'engine.attention=standard', '--json', ...state];
    const judged = await intentd('model', 'evaluate', join(folder, 'bundle'), data, '--split', 'val', ...how);
    expect(JSON.parse(judged.out)).toMatchObject({ engine: { kind: 'tensorrt' }, inScope: 1 });
    const plan = join(engines(), keys()[0]!, 'plan');
    chmodSync(plan, 0o640);
    writeFileSync(plan, 'other bytes');
    expect(await intentd('engine', 'verify', ...state)).toMatchObject({ status: 1 });
  }, 60_000);
});

describe('fault 13: one bit changed', () => {
  it.each(['plan', 'report.json', 'mac'])(
    'in the %s of a cached engine: it is rebuilt, never loaded',
    async (file) => {
      await start();
      await until(isBuilt);
      await agent.end();
      const path = join(engines(), keys()[0]!, file);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      chmodSync(path, 0o640);
      writeFileSync(path, bytes);
      await start();
      expect(said('an engine is not loaded; it will be built again')).toBe(true);
      await until(isBuilt);
      expect(await kind()).toBe('tensorrt');
      expect(readFileSync(path).equals(bytes)).toBe(false);
    },
    60_000,
  );
});

describe('fault 14: another', () => {
  it.each([
    ['TensorRT', { tensorrt: '10.7.0' }],
    ['driver', { driver: '550.1' }],
    ['GPU', { gpu: 'Fake Orin NX' }],
  ])(
    '%s than the engine was built for: it is rebuilt',
    async (_, runtime) => {
      await start();
      await until(isBuilt);
      await agent.end();
      await start({ runtime });
      await until(isBuilt);
      expect(keys()).toHaveLength(2);
      expect(await kind()).toBe('tensorrt');
    },
    60_000,
  );
});

describe('fault 15: an agent with too little memory to build', () => {
  it('says so before it builds, and serves with the CPU engine', async () => {
    await start({ runtime: { memoryFreeBytes: 2 ** 20 } });
    await until(() => said('no engine was built'));
    const { reason } = agent.log.find(({ msg }) => String(msg).startsWith('no engine was built'))!;
    expect(reason).toMatch(/needs \d+ MiB of memory, and 1 are free/);
    expect(await kind()).toBe('onnxruntime');
    expect(await ask()).toBe(0);
  }, 60_000);
});
