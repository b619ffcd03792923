import type { z } from 'zod';
import { IntentdError, explainIssue } from '../base/index.js';
import { defaultDeviceId, defaultStateDir } from './device.js';
import { allowedKeys, configSchema, settings, type Config } from './schema.js';
import { fromEnvironment, fromFlags, merge } from './sources.js';
import type { ConfigInputs } from './inputs.js';
import { fileSource, type Source } from './yamlFile.js';

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
  if (!result.success) throw refusal(result.error.issues[0]!, merged, origins);
  return {
    config: deepFreeze(result.data),
    origins: new Map(settings.map((s) => [s.path, originOf(s.path, origins)])),
  };
}

function computedDefaults(env: NodeJS.ProcessEnv): Source {
  return { values: { device: defaultDeviceId(), stateDir: defaultStateDir(env) }, origins: new Map() };
}

function refusal(
  issue: z.core.$ZodIssue,
  values: unknown,
  origins: ReadonlyMap<string, string>,
): IntentdError {
  const group = issue.path.join('.');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = unknown === undefined ? group : [...issue.path, unknown].join('.');
  return new IntentdError('bad_config', `${originOf(path, origins)}: ${reasonOf(issue, path, values)}.`);
}

function reasonOf(issue: z.core.$ZodIssue, path: string, values: unknown): string {
  const group = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const where = group === '' ? 'at the top' : `under ${group}`;
    return `${path}: unknown setting; allowed ${where} are ${allowedKeys(group).join(', ')}`;
  }
  // The schema's own words say more than the kind of problem does.
  return issue.message.startsWith('expected') ? `${path}: ${issue.message}` : explainIssue(issue, values);
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
