import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { intentd } from '../support/agent.js';
import { writeFakeAddon } from '../support/fakeAddon.js';
import { HostedAgent, failedOf } from '../support/hostedAgent.js';
import { SteadyLoad } from '../support/steadyLoad.js';
import { writeTinyBundle, type TinyBundleOptions } from '../support/tinyBundle.js';
import { until } from '../support/until.js';

const family = 'tiny';
const otherGraph = { attention: { windowEachSide: 32 } };
let folder: string;
let agent: HostedAgent;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'intentd-host-'));
  await writeTinyBundle(join(folder, 'old'));
  agent = new HostedAgent();
});

afterEach(async () => {
  await agent.end('SIGKILL');
  rmSync(folder, { recursive: true });
  rmSync(agent.stateDir, { recursive: true });
});

async function started(settings: Record<string, string> = {}): Promise<void> {
  await agent.start({
    'model.bundles': join(folder, 'old'),
    'model.goldenFloor': '0',
    'engine.kind': 'onnxruntime',
    'update.gates.load': '1',
    'update.gates.shadow.seconds': '0',
    'update.gates.shadow.minRequests': '20',
    'update.gates.latencyP50Ratio': '100',
    'update.gates.latencyP99Ratio': '1000',
    'update.gates.shadow.latencyRatio': '100',
    'update.gates.probation.seconds': '0.1',
    ...settings,
  });
}

async function next(version: string, options: TinyBundleOptions): Promise<string> {
  const { parts, ...weights } = options;
  await writeTinyBundle(join(folder, version), { ...weights, parts: { ...parts, version } });
  return agent.adopt(join(folder, version));
}

interface Engine {
  readonly kind: string;
  readonly worker: number;
  readonly encoder: string;
  readonly heads: readonly { readonly name: string; readonly version: string }[];
}

async function engines(): Promise<readonly Engine[]> {
  const { out } = await intentd('engine', 'status', '--json', '--state-dir', agent.stateDir);
  return (JSON.parse(out) as { engines: readonly Engine[] }).engines;
}

async function versionOf(name: string): Promise<string> {
  const where = ['--broker', agent.url, '--device', agent.device];
  const { out, err } = await intentd('ask', ...where, '--model', name, '--json', 'play my music');
  if (out === '') throw new Error(err);
  return (JSON.parse(out) as { model: { version: string } }).model.version;
}

/** Where a process may not take back that it gave way, it does not. */
const mayGiveWay = spawnSync('sh', ['-c', 'renice -n 10 -p $$ && renice -n 0 -p $$']).status === 0;

/** The priorities of a process' threads, each once: 0 is usual, 19 gives way to all. */
function prioritiesOf(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const fields = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
  return [...new Set(fields.map((text) => Number(text.split(') ').at(-1)!.split(' ')[16])))];
}

function workers(): number[] {
  const children = readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

function activeFile(): unknown {
  return JSON.parse(readFileSync(join(agent.stateDir, 'active.json'), 'utf8'));
}

describe('a bundle of an update', () => {
  it('with another encoder goes through its gates, serves, and the one before ends when the trial is over', async () => {
    await started();
    const [before] = await engines();
    const digest = await next('2.0.0', { encoder: otherGraph });
    expect(await agent.call('sharesEncoder', digest)).toBe(false);
    expect(await agent.call('build', digest)).toBe(null);
    const staged = await agent.figures('stage', digest);
    expect(staged.map(({ gate }) => gate)).toEqual(['accuracy', 'latency', 'latency', 'energy', 'agreement']);
    expect(failedOf(staged)).toEqual([]);
    expect(staged[3]!.detail).toMatch(/^Not measured: no INA3221/);
    expect(staged[4]!.detail).toBe('Not measured: it is the CPU engine itself.');
    expect(await versionOf(family)).toBe('1.0.0');
    const shadowed = await agent.figures('shadow', digest);
    expect(failedOf(shadowed)).toEqual([]);
    expect(shadowed[0]!.detail).toContain('golden utterances were asked of both');
    const old = await agent.call('active', family);
    await agent.call('activate', family, digest);
    await agent.call('activate', family, digest);
    expect(await versionOf(family)).toBe('2.0.0');
    const { digest: previous } = old as { digest: string };
    expect(activeFile()).toMatchObject({ models: { [family]: { digest, previous } } });
    expect(failedOf(await agent.figures('probation', family, digest))).toEqual([]);
    expect(process.kill(before!.worker, 0)).toBe(true);
    await agent.call('settle', family);
    expect(() => process.kill(before!.worker, 0)).toThrow();
    expect(await engines()).toHaveLength(1);
  }, 60_000);

  it.skipIf(!mayGiveWay)(
    'gives the processor to what serves while its engine is loaded, and is like any other then',
    async () => {
      await started();
      const [before] = await engines();
      const usual = prioritiesOf(before!.worker);
      const staging = agent.figures('stage', await next('2.0.0', { encoder: otherGraph }));
      const isNew = (pid: number): boolean => pid !== before!.worker;
      const seen = new Set<number>();
      const look = setInterval(() => {
        for (const pid of workers().filter(isNew)) for (const one of prioritiesOf(pid)) seen.add(one);
      }, 5);
      expect(failedOf(await staging)).toEqual([]);
      clearInterval(look);
      expect(Math.max(...seen)).toBeGreaterThan(Math.max(...usual));
      expect(prioritiesOf(workers().find(isNew)!)).toEqual(usual);
      expect(prioritiesOf(before!.worker)).toEqual(usual);
    },
    60_000,
  );

  it('with the encoder that serves is in probation within a second of being here, on the worker that runs', async () => {
    await started();
    const [before] = await engines();
    const digest = await next('1.1.0', { headHidden: 8 });
    const here = performance.now();
    expect(await agent.call('sharesEncoder', digest)).toBe(true);
    const figures = await agent.figures('stage', digest);
    await agent.call('activate', family, digest);
    expect(performance.now() - here).toBeLessThan(1000);
    expect(failedOf(figures)).toEqual([]);
    expect(figures[1]!.detail).toBe('Not measured: it runs on the engine that serves.');
    expect(await versionOf(family)).toBe('1.1.0');
    expect(failedOf(await agent.figures('probation', family, digest))).toEqual([]);
    await agent.call('settle', family);
    const [after] = await engines();
    expect(after!.worker).toBe(before!.worker);
    expect(after!.heads).toEqual([expect.objectContaining({ version: '1.1.0' })]);
  }, 60_000);

  it('is let in, and taken back, by an agent that was killed in between', async () => {
    await started();
    const digest = await next('2.0.0', { encoder: otherGraph });
    expect(failedOf(await agent.figures('stage', digest))).toEqual([]);
    await agent.call('activate', family, digest);
    await agent.end('SIGKILL');
    await started();
    expect(await versionOf(family)).toBe('2.0.0');
    expect(failedOf(await agent.figures('probation', family, digest))).toEqual([]);
    const began = performance.now();
    await agent.call('rollback', family, digest);
    expect(performance.now() - began).toBeLessThan(5000);
    await agent.call('rollback', family, digest);
    expect(await versionOf(family)).toBe('1.0.0');
    expect(await engines()).toHaveLength(1);
  }, 60_000);

  it('in whose place another one is loaded by hand during its trial leaves no engine behind', async () => {
    await started({ 'update.gates.probation.seconds': '5' });
    const digest = await next('2.0.0', { encoder: otherGraph });
    await agent.figures('stage', digest);
    await agent.call('activate', family, digest);
    const watching = agent.call('probation', family, digest).catch((error: unknown) => error);
    const third = { encoder: { attention: { windowEachSide: 16 } }, parts: { version: '3.0.0' } };
    await writeTinyBundle(join(folder, '3.0.0'), third);
    await intentd('model', 'load', join(folder, '3.0.0'), '--state-dir', agent.stateDir);
    expect(await watching).toMatchObject({ code: 'superseded' });
    await agent.call('rollback', family, digest);
    await until(() => workers().length === 1);
    expect(await versionOf(family)).toBe('3.0.0');
  }, 60_000);

  it('of a family that nothing serves yet is let in beside the others, and is gone when it is taken back', async () => {
    await started();
    const digest = await next('1.0.0', { seed: 7, parts: { id: 'other' } });
    const figures = await agent.figures('stage', digest);
    expect(failedOf(figures)).toEqual([]);
    expect(figures[1]!.detail).toBe('Not measured: nothing serves this family yet.');
    expect(await agent.figures('shadow', digest)).toEqual([]);
    await agent.call('activate', 'other', digest);
    expect(await versionOf('other')).toBe('1.0.0');
    await agent.call('rollback', 'other', digest);
    expect(await agent.call('active', 'other')).toBe(null);
    expect(await engines()).toHaveLength(1);
  }, 60_000);

  it('that does not fit into memory beside what serves is not tried, and says what is missing', async () => {
    await started({ 'update.gates.reserveMib': '65536' });
    const digest = await next('2.0.0', { encoder: otherGraph });
    await expect(agent.call('stage', digest)).rejects.toThrow(/takes about \d+ MiB; .*reserveMib/);
    expect(await engines()).toHaveLength(1);
    expect(await versionOf(family)).toBe('1.0.0');
  }, 60_000);

  it('that has no golden utterances is refused: nothing would say that it is right', async () => {
    await started();
    const digest = await next('1.1.0', { parts: { golden: [] } });
    expect(failedOf(await agent.figures('stage', digest))).toEqual(['accuracy']);
  }, 60_000);
});

describe('a bundle of an update where TensorRT serves', () => {
  const tensorRt = { 'engine.kind': 'auto', 'engine.attention': 'standard', 'engine.measureMs': '1' };
  const kinds = async () => (await engines()).map(({ kind }) => kind);

  async function startedWithTensorRt(settings: Record<string, string> = {}): Promise<void> {
    process.env['INTENTD_NATIVE'] = writeFakeAddon(folder);
    await started({ ...tensorRt, 'log.level': 'info', ...settings });
    await until(() => agent.log.some(({ msg }) => msg === 'the engine that was built serves'), 60_000);
  }

  afterEach(() => {
    delete process.env['INTENTD_NATIVE'];
  });

  it('has its engine built first, and is held against the CPU engine as well', async () => {
    await startedWithTensorRt();
    const digest = await next('2.0.0', { encoder: otherGraph });
    await agent.call('build', digest);
    expect(await kinds()).toEqual(['tensorrt']);
    const figures = await agent.figures('stage', digest);
    expect(failedOf(figures)).toEqual([]);
    expect(figures.at(-1)).toMatchObject({ gate: 'agreement', measured: expect.any(Number) as number });
    await agent.call('activate', family, digest);
    await agent.call('settle', family);
    expect(await kinds()).toEqual(['tensorrt']);
    expect(await versionOf(family)).toBe('2.0.0');
  }, 120_000);

  it('lets its engine go for room, and has it back where that was not enough; requests are answered all the while', async () => {
    await startedWithTensorRt({ 'update.gates.reserveMib': '65536' });
    const digest = await next('2.0.0', { encoder: otherGraph });
    await agent.call('build', digest);
    const load = await SteadyLoad.start(agent);
    const staging = agent.figures('stage', digest).catch((error: unknown) => error);
    const seen = new Set<string>();
    const over = new AbortController();
    void staging.then(() => {
      over.abort();
    });
    while (!over.signal.aborted) for (const kind of await kinds()) seen.add(kind);
    expect(await staging).toMatchObject({ code: 'no_memory' });
    expect(seen).toContain('onnxruntime');
    expect(await kinds()).toEqual(['tensorrt']);
    await load.more(20);
    expect(await load.finish()).toEqual({ lost: 0, twice: 0 });
    expect(load.all).toEqual(new Set(['1.0.0']));
  }, 120_000);
});

describe('a head that was trained on the device', () => {
  it('keeps its encoder when an update brings another one', async () => {
    await started();
    const bare = bareHead();
    const loaded = await intentd('model', 'load', bare, '--json', '--state-dir', agent.stateDir);
    expect(loaded.err).toBe('');
    const [{ worker }] = (await engines()) as [Engine];
    const digest = await next('2.0.0', { seed: 9 });
    expect(failedOf(await agent.figures('stage', digest))).toEqual([]);
    await agent.call('activate', family, digest);
    await agent.call('settle', family);
    expect(await versionOf(family)).toBe('2.0.0');
    expect(await versionOf('home')).toBe('0.5.0');
    const after = await engines();
    expect(after.find(({ heads }) => heads.some(({ name }) => name === 'home'))!.worker).toBe(worker);
    expect(after).toHaveLength(2);
    await agent.end('SIGKILL');
    await started();
    expect(await versionOf('home')).toBe('0.5.0');
    expect(await versionOf(family)).toBe('2.0.0');
  }, 60_000);
});

/** The head of the old bundle alone, as one of the name `home`. */
function bareHead(): string {
  const home = mkdtempSync(join(folder, 'home-'));
  const read = (name: string) => readFileSync(join(folder, 'old', name));
  const manifest = JSON.parse(read('manifest.json').toString()) as {
    head: object;
    decision: object;
    files: Record<string, { sha256: string; bytes: number }>;
  };
  const names = ['head.safetensors', 'labels.json'];
  for (const name of names) writeFileSync(join(home, name), read(name));
  writeFileSync(
    join(home, 'head.json'),
    JSON.stringify({
      format: 1,
      id: 'home',
      version: '0.5.0',
      encoder: manifest.files['encoder.safetensors']!.sha256,
      head: manifest.head,
      decision: manifest.decision,
      evaluation: {},
      files: Object.fromEntries(names.map((name) => [name, manifest.files[name]])),
    }),
  );
  return home;
}
