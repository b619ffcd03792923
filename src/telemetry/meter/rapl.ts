import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { IntentdError } from '../../base/index.js';
import type { MeterInfo, PolledMeter, Sample } from './meter.js';
import { SensorFile, namesIn, textOf } from './sensorFile.js';

interface Package {
  readonly name: string;
  readonly counter: SensorFile;
  /** Where the counter begins anew, in µJ. */
  readonly range: number;
  last: number | undefined;
  /** Since the first reading, in µJ. */
  energy: number;
}

/** The energy counters of x86 processor packages (RAPL), through the kernel's powercap files, in µJ. */
export class RaplMeter implements PolledMeter {
  readonly info: MeterInfo;
  readonly #packages: readonly Package[];

  private constructor(device: string, packages: readonly Package[]) {
    this.#packages = packages;
    const rails = packages.map(({ name }) => name);
    const total = rails.length === 1 ? rails[0]! : `sum of ${rails.join(', ')}`;
    this.info = { kind: 'rapl', device, rails, covers: 'package', total };
  }

  /**
   * @param sysfs where the kernel shows its devices, `/sys`
   * @returns the meter, `undefined` where there are no counters
   * @throws IntentdError `no_meter` where there are counters that this user may not read
   */
  static async find(sysfs: string): Promise<RaplMeter | undefined> {
    const folder = join(sysfs, 'class/powercap');
    const packages: Package[] = [];
    for (const zone of await namesIn(folder)) {
      const name = await textOf(join(folder, zone, 'name'));
      if (!/^intel-rapl:\d+$/.test(zone) || !name.startsWith('package')) continue;
      const path = join(folder, zone, 'energy_uj');
      await readable(path);
      const range = Number(await textOf(join(folder, zone, 'max_energy_range_uj')));
      packages.push({ name, counter: new SensorFile(path), range, last: undefined, energy: 0 });
    }
    return packages.length === 0 ? undefined : new RaplMeter('', packages);
  }

  async read(now: () => number): Promise<Sample> {
    const before = now();
    for (const zone of this.#packages) advance(zone, await zone.counter.read());
    const rails = this.#packages.map(({ energy }) => energy / 1000);
    return {
      at: (before + now()) / 2,
      unit: 'mJ',
      total: rails.reduce((sum, energy) => sum + energy, 0),
      rails,
    };
  }

  close(): void {
    for (const { counter } of this.#packages) counter.close();
  }
}

/** Adds what was used since the last reading; a counter that is lower than before went round once. */
function advance(zone: Package, counter: number): void {
  const used = counter - (zone.last ?? counter);
  const round = used < 0 ? zone.range : 0;
  if (counter < 0 || used + round < 0) {
    throw new IntentdError(
      'bad_reading',
      `The counter ${zone.name} says ${counter} µJ after ${zone.last!} µJ.`,
    );
  }
  zone.energy += used + round;
  zone.last = counter;
}

async function readable(path: string): Promise<void> {
  try {
    await (await open(path)).close();
  } catch {
    throw new IntentdError(
      'no_meter',
      `${path} may be read by root alone; systemd/intentd-rapl.tmpfiles opens it to the group intentd.`,
    );
  }
}
