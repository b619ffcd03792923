import { InvalidArgumentError, type Command } from 'commander';
import type { ConfigInputs, LoadedConfig } from '../config/index.js';

/** Options of every command that reads the configuration. */
export interface SettingOptions {
  readonly config?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly broker?: string;
  readonly device?: string;
  readonly stateDir?: string;
}

/** Adds the options by which a command finds its settings. */
export function withSettings(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (default: $INTENTD_CONFIG, /etc/intentd/intentd.yaml)')
    .option('--set <setting=value>', 'one setting, e.g. requests.deadlineMs=50; may be repeated', collect)
    .option('--broker <url>', 'the broker, as mqtt://HOST:PORT; an embedded one if absent')
    .option('--device <id>', 'id of the device in topics')
    .option('--state-dir <folder>', 'folder for everything that is kept');
}

/**
 * The configuration of a command.
 *
 * @param more settings from the command's own options
 * @throws IntentdError `bad_config`
 */
export async function configOf(
  options: SettingOptions,
  more: Readonly<Record<string, string>> = {},
): Promise<LoadedConfig> {
  const { loadConfig } = await import('../config/index.js');
  return loadConfig(inputsOf(options, more));
}

/**
 * Where the agent of these settings keeps what it keeps: all that a command needs that only reads there.
 *
 * @throws IntentdError `bad_config`
 */
export async function stateDirOfAgent(options: SettingOptions): Promise<string> {
  const { stateDirOf } = await import('../config/index.js');
  return stateDirOf(inputsOf(options, {}));
}

function inputsOf(options: SettingOptions, more: Readonly<Record<string, string>>): ConfigInputs {
  const flags = {
    ...(options.broker === undefined ? {} : { 'broker.url': options.broker }),
    ...(options.device === undefined ? {} : { device: options.device }),
    ...(options.stateDir === undefined ? {} : { stateDir: options.stateDir }),
    ...more,
    ...options.set,
  };
  return { env: process.env, file: options.config, flags };
}

function collect(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected SETTING=VALUE.');
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}
