import type { ConfigInputs } from './inputs.js';
import type { LoadedConfig } from './load.js';

export { defaultDeviceId, defaultStateDir } from './device.js';
export { systemConfigFile, type ConfigInputs } from './inputs.js';
export type { LoadedConfig } from './load.js';
export type { Config } from './schema.js';
export { readSecret } from './secrets.js';
export { stateDirOf } from './stateDir.js';
export { variableOf } from './variable.js';

// The schema and its library are loaded when they are first asked for: not every command needs them.

/**
 * Puts the configuration together: defaults, then the file, the environment and the flags, each over
 * the one before.
 *
 * @throws IntentdError `bad_config` naming the place of the first wrong value and what is allowed there.
 */
export async function loadConfig(inputs: ConfigInputs): Promise<LoadedConfig> {
  return (await import('./load.js')).loadConfig(inputs);
}

/** The configuration as YAML that can be used as a file, each value with its purpose and origin. */
export async function printConfig(loaded: LoadedConfig): Promise<string> {
  return (await import('./print.js')).printConfig(loaded);
}
