import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../support/built.js';
import { writeFakeAddon } from '../support/fakeAddon.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';
import { writeTinyBundle } from '../support/tinyBundle.js';
import { until } from '../support/until.js';

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

interface Printed {
  readonly figures: {
    readonly meter: { readonly kind: string; readonly total: string };
    readonly idle: { readonly beforeMw: number; readonly afterMw: number };
    readonly engines: readonly {
      readonly name: string;
      readonly bytes: number;
      readonly p50Ms: number;
      readonly p99Ms: number;
      readonly inScopeAccuracy: number | null;
      readonly energyMj: Spread;
      readonly rounds: readonly {
        readonly utterances: number;
        readonly seconds: number;
        readonly energyMj: number;
        readonly aboveIdleMj: number;
      }[];
    }[];
    readonly ratios: readonly {
      readonly engine: string;
      readonly against: string;
      readonly energy: Spread;
      readonly aboveIdle: Spread | null;
      readonly bytes: number;
    }[];
  };
}

// 5 V: 2 W when idle, and with an engine 4, 5 and 7 W.
const volts = 5;
const idleMa = 400;
const drawMa = { 'int8-sparse': 800, 'int8-dense': 1000, 'fp16-dense': 1400 };
const inferMs = { 'int8-sparse': 20, 'int8-dense': 22, 'fp16-dense': 30 };

const folder = mkdtempSync(join(tmpdir(), 'intentd-energy-'));
const bundle = join(folder, 'bundle');
const tree = SysfsTree.ofJetson(boards.orinNano);
const file = tree.path('bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input');
const rails = ['--set', `telemetry.sysfs=${tree.root}`, '--set', 'telemetry.meter=ina3221'];
const brief = ['--seconds', '3', '--rounds', '3', '--idle', '2'];
let main = '';

beforeAll(async () => {
  main = join(await built(), 'main.js');
  await writeTinyBundle(bundle);
  writeFakeAddon(folder, { buildMs: 10, rail: { file, idleMa, drawMa, inferMs } });
}, 120_000);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function start(addon: string, ...args: string[]) {
  // The rail begins where nothing runs.
  tree.write('bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr1_input', '000400');
  const env = { ...process.env, INTENTD_NATIVE: join(folder, addon) };
  const child = spawn(process.execPath, [main, 'bench', 'energy', bundle, ...args], { env });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const ended = new Promise<{ status: number | null; out: string; err: string }>((resolve) => {
    child.once('close', (status) => {
      resolve({ status, ...said });
    });
  });
  return { child, ended };
}

describe('intentd bench energy', () => {
  it('finds the energy that a rail is known to give, above its idle floor as well, and the ratios', async () => {
    const [svg, saved] = [join(folder, 'energy.svg'), join(folder, 'energy.json')];
    const { status, out, err } = await start(
      'fake.cjs',
      ...rails,
      ...brief,
      '--json',
      '--save',
      saved,
      '--svg',
      svg,
    ).ended;
    expect([status, err]).toEqual([0, '']);
    const { figures } = JSON.parse(out) as Printed;
    expect(figures.meter).toMatchObject({ kind: 'ina3221', total: 'VDD_IN' });
    expect(figures.idle.beforeMw / (volts * idleMa)).toBeCloseTo(1, 1);
    expect(figures.engines.map(({ name }) => name)).toEqual(['int8-sparse', 'int8-dense', 'fp16-dense']);
    const known = new Map<string, { whole: number[]; above: number[] }>();
    for (const { name, p50Ms, p99Ms, rounds } of figures.engines) {
      const powerMw = volts * drawMa[name as keyof typeof drawMa];
      expect(p50Ms).toBeGreaterThanOrEqual(inferMs[name as keyof typeof inferMs] - 1);
      expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
      expect(rounds).toHaveLength(3);
      const seconds = rounds.map((round) => round.seconds / round.utterances);
      const expected = {
        whole: seconds.map((each) => powerMw * each),
        above: seconds.map((each) => (powerMw - volts * idleMa) * each),
      };
      known.set(name, expected);
      for (const [at, round] of rounds.entries()) {
        within(round.energyMj, expected.whole[at]!);
        within(round.aboveIdleMj, expected.above[at]!);
      }
    }
    expect(figures.ratios.map(({ engine, against }) => `${engine} ${against}`)).toEqual([
      'int8-sparse int8-dense',
      'int8-sparse fp16-dense',
      'int8-dense fp16-dense',
    ]);
    for (const { engine, against, energy, aboveIdle } of figures.ratios) {
      const [one, other] = [known.get(engine)!, known.get(against)!];
      within(energy.median, median(one.whole.map((value, at) => value / other.whole[at]!)));
      within(aboveIdle!.median, median(one.above.map((value, at) => value / other.above[at]!)));
      expect(energy.min).toBeLessThanOrEqual(energy.median);
      expect(energy.max).toBeGreaterThanOrEqual(energy.median);
    }
    expect(JSON.parse(readFileSync(saved, 'utf8'))).toEqual(JSON.parse(out));
    const plot = readFileSync(svg, 'utf8');
    for (const { name } of figures.engines) expect(plot).toContain(name);
  }, 120_000);

  it('prints tables of at most 80 columns, with the plans’ sizes, both energies and the ratios', async () => {
    const { status, out } = await start(
      'fake.cjs',
      ...rails,
      '--seconds',
      '1',
      '--rounds',
      '1',
      '--idle',
      '2',
    ).ended;
    expect(status).toBe(0);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    for (const word of [
      'int8-sparse',
      'above idle',
      'idle floor: 2.00 W',
      'p99 ms',
      'int8-sparse / fp16-dense',
    ]) {
      expect(out).toContain(word);
    }
  }, 60_000);

  it('compares FP32 and INT8 on the CPU where there is no TensorRT', async () => {
    const { status, out, err } = await start(
      'none.cjs',
      ...rails,
      ...['--seconds', '1', '--rounds', '1', '--idle', '2'],
      '--json',
    ).ended;
    expect([status, err]).toEqual([
      0,
      expect.stringMatching(/^TensorRT cannot be used here: .*addon is not built.*\n$/),
    ]);
    const { figures } = JSON.parse(out) as Printed;
    expect(figures.engines.map(({ name }) => name)).toEqual(['int8', 'fp32']);
    // The rail stands still: what an utterance costs is its time at 2 W, and nothing above the floor.
    for (const { rounds } of figures.engines) {
      for (const { aboveIdleMj, energyMj } of rounds)
        expect(Math.abs(aboveIdleMj / energyMj)).toBeLessThan(0.05);
    }
  }, 60_000);

  it('says what is missing where nothing measures', async () => {
    const nothing = ['--set', `telemetry.sysfs=${folder}`, '--set', 'telemetry.meter=ina3221'];
    const { status, err } = await start('fake.cjs', ...nothing).ended;
    expect([status, err]).toEqual([1, expect.stringContaining('Nothing measures energy here: no INA3221')]);
    expect(err).toContain('[no_meter]');
  }, 60_000);

  it('says which engine is missing where TensorRT is demanded', async () => {
    const { status, err } = await start('none.cjs', ...rails, '--set', 'engine.kind=tensorrt').ended;
    expect([status, err]).toEqual([1, expect.stringContaining('[no_addon]')]);
  }, 60_000);

  it('ends with Ctrl-C, without figures and without a plot', async () => {
    const svg = join(folder, 'interrupted.svg');
    const { child, ended } = start('fake.cjs', ...rails, '--seconds', '600', '--svg', svg);
    // An engine runs.
    await until(() => Number(readFileSync(file, 'utf8')) > idleMa, 60_000);
    child.kill('SIGINT');
    const { status, out, err } = await ended;
    expect([status, out]).toEqual([1, '']);
    expect(err).toContain('[interrupted]');
    expect(existsSync(svg)).toBe(false);
  }, 120_000);
});

/** Within 5 %. */
function within(value: number, expected: number): void {
  expect(value / expected).toBeGreaterThan(0.95);
  expect(value / expected).toBeLessThan(1.05);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
