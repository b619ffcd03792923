export { defaultDeviceId, defaultStateDir } from './device.js';
export { loadConfig, systemConfigFile, type ConfigInputs, type LoadedConfig } from './load.js';
export { printConfig } from './print.js';
export { type Config, settings } from './schema.js';
export { readSecret } from './secrets.js';
export { variableOf } from './sources.js';
