import { existsSync } from 'node:fs';
import { builtProgram, messageOf } from '../../base/index.js';
import { Ina3221Meter } from './ina3221.js';
import type { Detected, Meter, PolledMeter } from './meter.js';
import { NvmlMeter } from './nvml.js';
import { PollingMeter } from './polling.js';
import { RaplMeter } from './rapl.js';

export const meterKinds = ['auto', 'ina3221', 'nvml', 'rapl', 'none'] as const;
export type MeterKind = (typeof meterKinds)[number];

export interface DetectOptions {
  readonly kind: MeterKind;
  /** Wished time between two samples, in milliseconds. */
  readonly intervalMs: number;
  /** Where the kernel shows its devices, `/sys`. */
  readonly sysfs: string;
  /** Whether the GPU does the work: only then is its counter asked for by `auto`. */
  readonly gpu: boolean;
}

const hangMs = 500;
const retryMs = 5000;
const nvmlStartMs = 5000;
const nvmlHangMs = 5000;

type Finder = (options: DetectOptions, now: () => number) => Promise<Meter | undefined>;

const finders: Readonly<Record<Exclude<MeterKind, 'auto' | 'none'>, Finder>> = {
  ina3221: (options, now) => polled(Ina3221Meter.find(options.sysfs), options, now),
  nvml: (options, now) => findNvml(options, now),
  rapl: (options, now) => polled(RaplMeter.find(options.sysfs), options, now),
};

/** What is missing, by kind. */
const missing: Readonly<Record<keyof typeof finders, string>> = {
  ina3221: 'no INA3221 power monitor',
  nvml: 'no NVIDIA GPU',
  rapl: 'no RAPL energy counter',
};

/**
 * The meter of this machine: a Jetson's rails, else the GPU's counter where the GPU does the work, else the
 * processor packages; or why there is none. A sensor that hangs is no meter.
 *
 * @param now the monotonic clock, in milliseconds
 */
export async function detectMeter(options: DetectOptions, now: () => number): Promise<Detected> {
  if (options.kind === 'none') return { meter: null, reason: 'telemetry.meter is none' };
  const kinds = options.kind === 'auto' ? await automatic(options) : [options.kind];
  const reasons: string[] = [];
  for (const kind of kinds) {
    try {
      const meter = await withinTime(finders[kind](options, now), nvmlStartMs + hangMs);
      if (meter !== undefined) return { meter };
      reasons.push(missing[kind]);
    } catch (error) {
      reasons.push(messageOf(error).replace(/\.$/, ''));
    }
  }
  return { meter: null, reason: reasons.join('; ') };
}

async function automatic({ gpu }: DetectOptions): Promise<(keyof typeof finders)[]> {
  const { addonPath } = await import('../../engine/index.js');
  return gpu && existsSync(addonPath()) ? ['ina3221', 'nvml', 'rapl'] : ['ina3221', 'rapl'];
}

async function polled(
  found: Promise<PolledMeter | undefined>,
  { intervalMs }: DetectOptions,
  now: () => number,
): Promise<Meter | undefined> {
  const meter = await found;
  return meter && new PollingMeter(meter, { intervalMs, hangMs, retryMs }, now);
}

async function findNvml({ intervalMs }: DetectOptions, now: () => number): Promise<Meter> {
  const { addonPath, workerEnvironment } = await import('../../engine/index.js');
  const script = builtProgram('telemetry/meter/nvmlMain.js');
  const command = [process.execPath, script, addonPath()];
  const patience = { startMs: nvmlStartMs, hangMs: nvmlHangMs, retryMs };
  return NvmlMeter.find({ command, env: workerEnvironment(), intervalMs, ...patience }, now);
}

async function withinTime<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`a sensor has not answered for ${limitMs} ms`));
    }, limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
