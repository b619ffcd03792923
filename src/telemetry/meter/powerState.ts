import { join } from 'node:path';
import { namesIn, textOf } from './sensorFile.js';

/** What the power figures depend on; `null` where the machine does not say. */
export interface PowerState {
  readonly cpuMhz: number | null;
  readonly gpuMhz: number | null;
  /** The hottest zone, in °C. */
  readonly temperatureC: number | null;
  /** Whether a cooling device of processor or GPU is holding it back now. */
  readonly throttled: boolean | null;
  /** How often heat or current held the processor back since it was started. */
  readonly throttleEvents: number | null;
  /** Name, or else number, of the `nvpmodel` mode. */
  readonly powerMode: string | null;
}

export interface PowerStateFiles {
  /** Where the kernel shows its devices, `/sys`. */
  readonly sysfs: string;
  readonly nvpmodelStatus: string;
  readonly nvpmodelConfig: string;
}

export const systemPowerStateFiles: Omit<PowerStateFiles, 'sysfs'> = {
  nvpmodelStatus: '/var/lib/nvpmodel/status',
  nvpmodelConfig: '/etc/nvpmodel.conf',
};

/** Reads clocks, temperature, throttling and power mode, wherever this board keeps them. */
export async function readPowerState(files: PowerStateFiles): Promise<PowerState> {
  const { sysfs } = files;
  const cpuKhz = await numberIn(join(sysfs, 'devices/system/cpu/cpu0/cpufreq/scaling_cur_freq'));
  const gpuHz = await gpuFrequency(sysfs);
  return {
    cpuMhz: cpuKhz === null ? null : Math.round(cpuKhz / 1000),
    gpuMhz: gpuHz === null ? null : Math.round(gpuHz / 1e6),
    temperatureC: await hottest(sysfs),
    throttled: await heldBack(sysfs),
    throttleEvents: await throttleEvents(sysfs),
    powerMode: await powerMode(files),
  };
}

async function gpuFrequency(sysfs: string): Promise<number | null> {
  const folder = join(sysfs, 'class/devfreq');
  const gpu = (await namesIn(folder)).find((name) => /\.(gpu|ga10b|gv11b)$/.test(name));
  return gpu === undefined ? null : numberIn(join(folder, gpu, 'cur_freq'));
}

async function hottest(sysfs: string): Promise<number | null> {
  const zones = await devices(sysfs, 'class/thermal', /^thermal_zone\d+$/);
  const readings = await Promise.all(zones.map((zone) => numberIn(join(zone, 'temp'))));
  const plausible = readings.filter((value) => value !== null && value > -60_000 && value < 200_000);
  return plausible.length === 0 ? null : Math.max(...(plausible as number[])) / 1000;
}

async function heldBack(sysfs: string): Promise<boolean | null> {
  const levels: number[] = [];
  for (const device of await devices(sysfs, 'class/thermal', /^cooling_device\d+$/)) {
    const type = await textOf(join(device, 'type'));
    const level = await numberIn(join(device, 'cur_state'));
    if (/cpu|gpu|devfreq|processor/i.test(type) && level !== null) levels.push(level);
  }
  return levels.length === 0 ? null : levels.some((level) => level > 0);
}

/** Over-current events of a Jetson, or the thermal ones of an x86 core. */
async function throttleEvents(sysfs: string): Promise<number | null> {
  for (const monitor of await devices(sysfs, 'class/hwmon', /^hwmon\d+$/)) {
    if ((await textOf(join(monitor, 'name'))) !== 'soctherm_oc') continue;
    const counters = (await namesIn(monitor)).filter((name) => /^oc\d_event_cnt$/.test(name));
    const counts = await Promise.all(counters.map((name) => numberIn(join(monitor, name))));
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  }
  return numberIn(join(sysfs, 'devices/system/cpu/cpu0/thermal_throttle/core_throttle_count'));
}

async function powerMode({ nvpmodelStatus, nvpmodelConfig }: PowerStateFiles): Promise<string | null> {
  const number = /pmode:0*(\d+)/.exec(await textOf(nvpmodelStatus))?.[1];
  if (number === undefined) return null;
  const name = new RegExp(`POWER_MODEL\\s+ID=${number}\\s+NAME=([^\\s>]+)`).exec(
    await textOf(nvpmodelConfig),
  );
  return name?.[1] ?? number;
}

async function devices(sysfs: string, folder: string, name: RegExp): Promise<string[]> {
  const names = await namesIn(join(sysfs, folder));
  return names.filter((entry) => name.test(entry)).map((entry) => join(sysfs, folder, entry));
}

async function numberIn(path: string): Promise<number | null> {
  const text = await textOf(path);
  return /^-?\d+$/.test(text) ? Number(text) : null;
}
