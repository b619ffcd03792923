import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostedAgent, failedOf } from '../support/hostedAgent.js';
import { SteadyLoad } from '../support/steadyLoad.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';
import { until } from '../support/until.js';
import { writeTinyBundle, type TinyBundleOptions } from '../support/tinyBundle.js';

const family = 'tiny';
/** So much larger that an utterance takes many times as long. */
const large = { layers: 12, hidden: 128, heads: 4, feedForward: 512 };
const otherGraph = { attention: { windowEachSide: 32 } };

let folder: string;
let agent: HostedAgent;
let load: SteadyLoad;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'intentd-gates-'));
  agent = new HostedAgent();
});

afterEach(async () => {
  await agent.end('SIGKILL');
  rmSync(folder, { recursive: true });
  rmSync(agent.stateDir, { recursive: true });
});

/** Starts an agent with version 1.0.0 under load, and adopts the version to be tried. */
async function tried(next: TinyBundleOptions, settings: Record<string, string> = {}): Promise<string> {
  await writeTinyBundle(join(folder, 'old'));
  const { parts, ...weights } = next;
  await writeTinyBundle(join(folder, 'new'), { ...weights, parts: { ...parts, version: '2.0.0' } });
  await agent.start({
    'model.bundles': join(folder, 'old'),
    'model.goldenFloor': '0',
    'engine.kind': 'onnxruntime',
    'engine.heartbeatMs': '100',
    'update.gates.load': '1',
    'update.gates.shadow.seconds': '0.5',
    'update.gates.probation.seconds': '60',
    ...settings,
  });
  load = await SteadyLoad.start(agent);
  return agent.adopt(join(folder, 'new'));
}

/** Nothing but the old version answered, every request, once. */
async function onlyTheOldServed(): Promise<void> {
  await load.more(20);
  expect(await load.finish()).toEqual({ lost: 0, twice: 0 });
  expect(load.all).toEqual(new Set(['1.0.0']));
}

function workers(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
    .filter((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[1];
        return Number(parent) === agent.pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Ends the worker of the new engine as soon as it is there. */
async function killTheNext(known: readonly number[]): Promise<void> {
  for (let tries = 0; tries < 2000; tries++) {
    const next = workers().find((pid) => !known.includes(pid));
    if (next !== undefined) {
      process.kill(next, 'SIGKILL');
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('fault 22: a new engine that', () => {
  it('answers its golden utterances worse than its bundle says never serves', async () => {
    const digest = await tried({
      encoder: otherGraph,
      parts: { evaluation: { golden: { inScopeAccuracy: 1 } }, golden: wrongGolden },
    });
    const figures = await agent.figures('stage', digest);
    expect(failedOf(figures)).toEqual(['accuracy']);
    expect(figures[0]!.detail).toMatch(
      /of the golden utterances in scope rightly; at least 99.0 % is needed/,
    );
    await agent.call('discard', digest);
    await onlyTheOldServed();
    expect(workers()).toHaveLength(1);
  }, 60_000);

  it('is much slower than what serves never serves', async () => {
    const digest = await tried({ encoder: { architecture: large } });
    const figures = await agent.figures('stage', digest);
    expect(failedOf(figures)).toContain('latency');
    await agent.call('discard', digest);
    await onlyTheOldServed();
    expect(workers()).toHaveLength(1);
  }, 60_000);

  it('draws much more energy than what serves never serves', async () => {
    const digest = await tried(
      { encoder: { architecture: large } },
      {
        'telemetry.sysfs': SysfsTree.ofJetson(boards.orinNano).root,
        'update.gates.latencyP50Ratio': '1000',
        'update.gates.latencyP99Ratio': '1000',
        'update.gates.utterances': '50',
      },
    );
    const figures = await agent.figures('stage', digest);
    expect(failedOf(figures)).toEqual(['energy']);
    expect(figures.find(({ gate }) => gate === 'energy')!.detail).toMatch(/draws .* mJ, and .* mJ with what/);
    await agent.call('discard', digest);
    await onlyTheOldServed();
  }, 60_000);

  it('crashes while it is loaded never serves', async () => {
    const digest = await tried({ encoder: otherGraph });
    const staging = agent.figures('stage', digest);
    await killTheNext(workers());
    const figures = await staging;
    expect(failedOf(figures)).toEqual(['crashes']);
    expect(figures[0]!.detail).toContain('does not load');
    await agent.call('discard', digest);
    await onlyTheOldServed();
    expect(workers()).toHaveLength(1);
  }, 60_000);

  it('crashes while it is given copies of the traffic never serves', async () => {
    const digest = await tried({ encoder: otherGraph }, { 'update.gates.shadow.seconds': '60' });
    const known = workers();
    expect(failedOf(await agent.figures('stage', digest))).toEqual([]);
    const shadowing = agent.figures('shadow', digest);
    await killTheNext(known);
    expect(failedOf(await shadowing)).toEqual(['crashes']);
    await agent.call('discard', digest);
    await onlyTheOldServed();
  }, 60_000);

  it('crashes under traffic within its probation gives way at once: no request waits for its next worker', async () => {
    const digest = await tried({ encoder: otherGraph });
    const known = workers();
    expect(failedOf(await agent.figures('stage', digest))).toEqual([]);
    expect(failedOf(await agent.figures('shadow', digest))).toEqual([]);
    await agent.call('activate', family, digest);
    const watching = agent.figures('probation', family, digest);
    await load.more(50);
    expect(load.last).toBe('2.0.0');
    const killed = performance.now();
    await killTheNext(known);
    expect(failedOf(await watching)).toEqual(['crashes']);
    await agent.call('rollback', family, digest);
    expect(performance.now() - killed).toBeLessThan(5000);
    await load.more(50);
    expect(await load.finish()).toEqual({ lost: 0, twice: 0 });
    expect(load.all).toEqual(new Set(['1.0.0', '2.0.0']));
    expect(load.last).toBe('1.0.0');
    expect(await agent.call('active', family)).toMatchObject({ version: '1.0.0', previous: null });
    await until(() => workers().length === 1);
    expect(workers()).toEqual(known);
    // What answers after a restart is what was taken back to.
    await agent.end('SIGKILL');
    await agent.start({ 'model.bundles': join(folder, 'old'), 'model.goldenFloor': '0' });
    expect(await agent.call('active', family)).toMatchObject({ version: '1.0.0' });
  }, 60_000);
});

const wrongGolden = [
  { text: 'play my music', intent: 'balance' },
  { text: 'play my music', intent: 'weather' },
  { text: 'play my music', intent: 'lights_on' },
  { text: 'play my music', intent: 'play_music' },
];
