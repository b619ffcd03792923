export { detectMeter, meterKinds, type DetectOptions, type MeterKind } from './detect.js';
export type { Covers, Detected, Meter, MeterInfo, MeterListener, PolledMeter, Sample } from './meter.js';
export { affordableIntervalMs } from './cost.js';
export { PollingMeter, type PollingOptions } from './polling.js';
export { NvmlMeter, type NvmlOptions } from './nvml.js';
export {
  readPowerState,
  systemPowerStateFiles,
  type PowerState,
  type PowerStateFiles,
} from './powerState.js';
export { Ina3221Meter } from './ina3221.js';
export { RaplMeter } from './rapl.js';
