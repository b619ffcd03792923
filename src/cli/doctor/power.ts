import type { Config } from '../../config/index.js';
import { telemetryOptions } from '../../daemon.js';
import { detectMeter, readPowerState, systemPowerStateFiles } from '../../telemetry/index.js';
import { meterLine } from '../meterLine.js';
import { ok, warning, type Finding } from './finding.js';

/** What measures energy here, and what it covers; or why nothing does. */
export async function meter(config: Config): Promise<Finding> {
  const detected = await detectMeter(telemetryOptions(config).meter, () => performance.now());
  if (detected.meter === null) {
    return warning('energy', detected.reason, 'Energy is not measured, and answers say null.');
  }
  detected.meter.stop();
  return ok('energy', meterLine({ ...detected.meter.info, sampleMs: detected.meter.intervalMs }));
}

/** Clock, temperature, throttling and power mode: what latency and power depend on; nothing where none is told. */
export async function powerState({ telemetry }: Config): Promise<Finding[]> {
  const state = await readPowerState({ ...systemPowerStateFiles, sysfs: telemetry.sysfs });
  const { cpuMhz, gpuMhz, powerMode, temperatureC, throttleEvents, throttled } = state;
  const known = [
    powerMode === null ? '' : `power mode ${powerMode}`,
    cpuMhz === null ? '' : `processor at ${cpuMhz} MHz`,
    gpuMhz === null ? '' : `GPU at ${gpuMhz} MHz`,
    temperatureC === null ? '' : `${temperatureC.toFixed(0)} °C`,
    throttleEvents === null || throttleEvents === 0
      ? ''
      : `held back ${throttleEvents} times since its start`,
  ].filter((text) => text !== '');
  if (throttled === true) {
    const found = [...known, 'held back now'].join(', ');
    return [
      warning('clocks', found, 'It is too hot, or draws too much: figures of now are worse than others.'),
    ];
  }
  return known.length === 0 ? [] : [ok('clocks', known.join(', '))];
}
