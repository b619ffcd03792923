import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { writeFakeAddon, type FakeAddonSettings } from '../support/fakeAddon.js';
import { SteadyLoad } from '../support/steadyLoad.js';
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
async function start(fake: FakeAddonSettings = {}, ...settings: string[]): Promise<void> {
  process.env['INTENTD_NATIVE'] = writeFakeAddon(folder, fake);
  agent.log.length = 0;
  await agent.start(
    ...['--set', `model.bundles=${join(folder, 'bundle')}`, '--set', 'model.goldenFloor=0'],
    ...['--set', 'engine.attention=standard', '--set', 'engine.measureMs=1'],
    ...settings.flatMap((setting) => ['--set', setting]),
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
  readonly engines: readonly { readonly kind: string; readonly worker: number | null }[];
}

async function serving(): Promise<Status['engines'][number] | undefined> {
  const { out } = await intentd('engine', 'status', '--json', '--state-dir', agent.stateDir);
  return (JSON.parse(out) as Status).engines[0];
}

async function kind(): Promise<string | undefined> {
  return (await serving())?.kind;
}

async function ask(): Promise<number> {
  return (await intentd('ask', ...agent.options, 'play my music')).status;
}

interface Row {
  readonly engine: string;
  readonly gpuUs: number | null;
  readonly totalUs: number;
}

/** Rows of the log, the oldest first; what waits is written when the agent ends. */
async function loggedRows(): Promise<Row[]> {
  await agent.end();
  const { out } = await intentd('log', '--json', '--state-dir', agent.stateDir, '--limit', '100000');
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);
}

/** Rows that say how long the GPU took. */
async function loggedWithGpuTime(): Promise<number> {
  const rows = await loggedRows();
  return rows.filter(({ engine, gpuUs }) => engine === 'tensorrt' && gpuUs !== null && gpuUs > 0).length;
}

const losses = () => agent.log.filter(({ msg }) => String(msg).startsWith('the engine worker ended')).length;
const isBuilt = () => said('the engine that was built serves');
const engines = () => join(agent.stateDir, 'engines');
const keys = () => readdirSync(engines()).filter((name) => name.length === 64);

describe('an agent with TensorRT', () => {
  it('serves with the CPU engine while it builds its own, and with that from then on', async () => {
    await start({ buildMs: 1500 });
    expect(await kind()).toBe('onnxruntime');
    expect(await ask()).toBe(0);
    await until(isBuilt);
    // An engine that is not built yet is no failure.
    expect(said('the next engine worker did not start')).toBe(false);
    expect(await kind()).toBe('tensorrt');
    expect(await ask()).toBe(0);
    expect(statSync(join(agent.stateDir, 'engine.secret')).mode & 0o777).toBe(0o600);
    expect(await loggedWithGpuTime()).toBe(1);
  }, 60_000);

  it('starts with the engine that it built before', async () => {
    await start();
    await until(isBuilt);
    await agent.end();
    await start({ loadMs: 2000 });
    // At once, by the CPU engine: TensorRT takes longer to be ready.
    expect(await kind()).toBe('onnxruntime');
    expect(await ask()).toBe(0);
    await until(async () => (await kind()) === 'tensorrt');
    expect(await ask()).toBe(0);
    expect(said('the engine is being built')).toBe(false);
  }, 60_000);

  it('waits for the engine that it built before where it must not start without TensorRT', async () => {
    await start();
    await until(isBuilt);
    await agent.end();
    await start({ loadMs: 1000 }, 'engine.kind=tensorrt');
    expect(await kind()).toBe('tensorrt');
    await agent.end();
    await expect(start({ noGpu: true }, 'engine.kind=tensorrt')).rejects.toThrow('there is no GPU');
  }, 60_000);

  it('serves with the CPU engine where there is no GPU', async () => {
    await start({ noGpu: true });
    await until(() => said('TensorRT cannot be used here'));
    expect(await kind()).toBe('onnxruntime');
    expect(await ask()).toBe(0);
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

describe('fault 10: a TensorRT worker killed under requests', () => {
  const loadMs = 5000;

  it('has its requests answered by the CPU engine until the next one is ready: none lost, none refused', async () => {
    await start({ loadMs });
    await until(isBuilt);
    const load = await SteadyLoad.start(agent, { open: 4 });
    await load.more(20);
    const killed = (await serving())!;
    expect(killed.kind).toBe('tensorrt');
    process.kill(killed.worker!, 'SIGKILL');
    await until(async () => (await kind()) === 'onnxruntime');
    await load.more(20);
    await until(async () => (await kind()) === 'tensorrt');
    await load.more(20);
    expect(await load.finish()).toEqual({ lost: 0, twice: 0 });
    expect([...load.all]).toEqual(['1.0.0']);
    const rows = await loggedRows();
    const engines = rows.map(({ engine }) => engine).filter((engine, at, all) => engine !== all[at - 1]);
    expect(engines).toEqual(['tensorrt', 'onnxruntime', 'tensorrt']);
    // Sooner than the next TensorRT worker could.
    expect(Math.max(...rows.map(({ totalUs }) => totalUs))).toBeLessThan(loadMs * 1000);
  }, 60_000);

  it('three times in five minutes leaves the CPU engine to serve, degraded', async () => {
    await start();
    await until(isBuilt);
    const load = await SteadyLoad.start(agent, { open: 4 });
    for (let kill = 0; kill < 3; kill++) {
      await until(async () => (await serving())!.kind === 'tensorrt' && (await serving())!.worker !== null);
      process.kill((await serving())!.worker!, 'SIGKILL');
      await until(() => losses() === kill + 1);
    }
    await until(() => said('the preferred engine keeps failing'));
    await load.more(50);
    expect(await load.finish()).toEqual({ lost: 0, twice: 0 });
    expect([...load.all]).toEqual(['1.0.0']);
    expect(await kind()).toBe('onnxruntime');
  }, 60_000);
});

describe('fault 12: a GPU that is gone while its engine serves', () => {
  it('leaves the CPU engine to serve, degraded, and is tried again', async () => {
    await start();
    await until(isBuilt);
    writeFakeAddon(folder, { noGpu: true });
    process.kill((await serving())!.worker!, 'SIGKILL');
    await until(() => said('the preferred engine keeps failing'));
    expect(await kind()).toBe('onnxruntime');
    expect(await ask()).toBe(0);
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
      await until(isBuilt);
      expect(said('an engine is not loaded; it will be built again')).toBe(true);
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
