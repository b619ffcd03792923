import { join } from 'node:path';
import { IntentdError } from '../../base/index.js';
import type { MeterInfo, PolledMeter, Sample } from './meter.js';
import { SensorFile, namesIn, textOf } from './sensorFile.js';

/** Rails that hold all others of their board. */
const totals = ['VDD_IN', 'POM_5V_IN'];
const channels = [1, 2, 3];

/** Voltages hardly move and rails inside a total are for history: they are read every so many readings. */
const seldom = 10;

const maxMillivolts = 32_000;
const maxMilliamperes = 100_000;

interface Rail {
  readonly label: string;
  readonly voltage: SensorFile;
  readonly current: SensorFile;
  millivolts: number;
  milliwatts: number;
}

/**
 * The INA3221 power monitors of a Jetson, through the kernel's hwmon files: `in{1,2,3}_label`,
 * `in*_input` in mV and `curr*_input` in mA.
 */
export class Ina3221Meter implements PolledMeter {
  readonly info: MeterInfo;
  readonly #rails: readonly Rail[];
  readonly #total: Rail | undefined;
  #readings = 0;

  private constructor(device: string, rails: readonly Rail[]) {
    this.#rails = rails;
    this.#total = rails.find(({ label }) => totals.includes(label));
    const names = rails.map(({ label }) => label);
    const total = this.#total?.label ?? `sum of ${names.join(', ')}`;
    this.info = { kind: 'ina3221', device, rails: names, covers: 'board', total };
  }

  /**
   * @param sysfs where the kernel shows its devices, `/sys`
   * @returns `undefined` where no monitor names a rail
   */
  static async find(sysfs: string): Promise<Ina3221Meter | undefined> {
    const rails: Rail[] = [];
    for (const folder of await monitors(sysfs)) rails.push(...(await railsOf(folder)));
    if (rails.length === 0) return undefined;
    return new Ina3221Meter(await textOf(join(sysfs, 'firmware/devicetree/base/model')), rails);
  }

  async read(now: () => number): Promise<Sample> {
    const all = this.#readings % seldom === 0;
    const before = now();
    for (const rail of this.#rails) {
      if (all || this.#total === undefined || rail === this.#total) await measure(rail, all);
    }
    this.#readings += 1;
    const rails = this.#rails.map(({ milliwatts }) => milliwatts);
    const total = this.#total?.milliwatts ?? rails.reduce((sum, power) => sum + power, 0);
    return { at: (before + now()) / 2, unit: 'mW', total, rails };
  }

  close(): void {
    for (const { voltage, current } of this.#rails) {
      voltage.close();
      current.close();
    }
  }
}

async function measure(rail: Rail, withVoltage: boolean): Promise<void> {
  if (withVoltage) rail.millivolts = plausible(rail, await rail.voltage.read(), 'mV', 0, maxMillivolts);
  const current = await rail.current.read();
  // A sensor that draws nothing may read a little below zero.
  rail.milliwatts = (rail.millivolts * plausible(rail, current, 'mA', -1000, maxMilliamperes)) / 1000;
}

function plausible({ label }: Rail, value: number, unit: string, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new IntentdError('bad_reading', `The rail ${label} says ${value} ${unit}, which no rail has.`);
}

async function monitors(sysfs: string): Promise<string[]> {
  const folder = join(sysfs, 'class/hwmon');
  const found: string[] = [];
  for (const name of await namesIn(folder)) {
    const monitor = join(folder, name);
    if ((await textOf(join(monitor, 'name'))) === 'ina3221') found.push(monitor);
  }
  return found;
}

/** The channels that are wired: their label says which rail, never their number. */
async function railsOf(monitor: string): Promise<Rail[]> {
  const rails: Rail[] = [];
  for (const channel of channels) {
    const label = await textOf(join(monitor, `in${channel}_label`));
    const disabled = (await textOf(join(monitor, `in${channel}_enable`))) === '0';
    if (label === '' || label === 'NC' || disabled) continue;
    const voltage = new SensorFile(join(monitor, `in${channel}_input`));
    const current = new SensorFile(join(monitor, `curr${channel}_input`));
    rails.push({ label, voltage, current, millivolts: 0, milliwatts: 0 });
  }
  return rails;
}
