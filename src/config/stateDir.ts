import { defaultStateDir } from './device.js';
import { configFileOf, type ConfigInputs } from './inputs.js';

/**
 * The state directory alone, for what only reads there: that needs no other setting, and must not wait for the
 * schema to be loaded, which takes longer than the reading. Where more is given on the command line, or the
 * file is not as it should be, the whole configuration is checked.
 *
 * @throws IntentdError `bad_config`
 */
export async function stateDirOf(inputs: ConfigInputs): Promise<string> {
  const { stateDir, ...others } = inputs.flags ?? {};
  if (Object.keys(others).length === 0) {
    const given = stateDir ?? inputs.env['INTENTD_STATE_DIR'] ?? (await inFile(inputs));
    if (typeof given === 'string' && given !== '') return given;
  }
  const { loadConfig } = await import('./load.js');
  return loadConfig(inputs).config.stateDir;
}

async function inFile(inputs: ConfigInputs): Promise<unknown> {
  if (configFileOf(inputs) === undefined) return defaultStateDir(inputs.env);
  const { fileSource } = await import('./yamlFile.js');
  return fileSource(inputs).values['stateDir'] ?? defaultStateDir(inputs.env);
}
