import { existsSync, readFileSync } from 'node:fs';
import type { z } from 'zod';
import { IntentdError, messageOf } from '../base/index.js';
import { defaultDeviceId, defaultStateDir } from './device.js';
import { allowedKeys, configSchema, settings, type Config } from './schema.js';
import { fromEnvironment, fromFlags, fromYaml, merge, type Source } from './sources.js';

/** Read where no file is named, if it is there. */
export const systemConfigFile = '/etc/intentd/intentd.yaml';

export interface ConfigInputs {
  readonly env: NodeJS.ProcessEnv;
  /** The YAML file; `INTENTD_CONFIG`, then {@link systemConfigFile} where absent. */
  readonly file?: string | undefined;
  /** Dotted path → text, from the command line. */
  readonly flags?: Readonly<Record<string, string>>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Dotted path of every setting → `default`, `FILE:LINE`, the variable, or the flag. */
  readonly origins: ReadonlyMap<string, string>;
}

/**
 * Puts the configuration together: defaults, then the file, the environment and the flags, each over
 * the one before.
 *
 * @throws IntentdError `bad_config` naming the place of the first wrong value and what is allowed there.
 */
export function loadConfig(inputs: ConfigInputs): LoadedConfig {
  const sources = [
    computedDefaults(inputs.env),
    fileSource(inputs),
    fromEnvironment(inputs.env),
    fromFlags(inputs.flags ?? {}),
  ];
  const merged = sources.reduce<Record<string, unknown>>((under, source) => merge(under, source.values), {});
  const origins = new Map(sources.flatMap((source) => [...source.origins]));
  const result = configSchema.safeParse(merged);
  if (!result.success) throw refusal(result.error.issues[0]!, origins);
  return {
    config: deepFreeze(result.data),
    origins: new Map(settings.map((s) => [s.path, originOf(s.path, origins)])),
  };
}

function computedDefaults(env: NodeJS.ProcessEnv): Source {
  return { values: { device: defaultDeviceId(), stateDir: defaultStateDir(env) }, origins: new Map() };
}

function fileSource({ env, file }: ConfigInputs): Source {
  const named = file ?? env['INTENTD_CONFIG'];
  if (named === undefined && !existsSync(systemConfigFile)) return { values: {}, origins: new Map() };
  const path = named ?? systemConfigFile;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new IntentdError('bad_config', `The configuration ${path} cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  return fromYaml(text, path);
}

function refusal(issue: z.core.$ZodIssue, origins: ReadonlyMap<string, string>): IntentdError {
  const group = issue.path.join('.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = unknown === undefined ? group : [...issue.path, unknown].join('.');
  const reason =
    unknown === undefined
      ? issue.message
      : `unknown setting; allowed ${group === '' ? 'at the top' : `under ${group}`} are ${allowedKeys(group).join(', ')}`;
  return new IntentdError('bad_config', `${originOf(path, origins)}: ${path}: ${reason}.`);
}

/** The place of the path itself, or of the nearest group above that has one. */
function originOf(path: string, origins: ReadonlyMap<string, string>): string {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const origin = origins.get(at);
    if (origin !== undefined && (at === path || !settings.some((s) => s.path === path))) return origin;
  }
  return 'default';
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
