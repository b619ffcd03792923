import { parse } from 'yaml';
import { IntentdError } from '../base/index.js';
import { settings } from './schema.js';
import { nearest } from './nearest.js';
import { variableOf } from './variable.js';
import type { Source } from './yamlFile.js';

/** Variables with the prefix that are no settings; `INTENTD_PYTHON` and `INTENTD_VENV` are of the project's own checks. */
const otherVariables = new Set([
  'INTENTD_CONFIG',
  'INTENTD_DEBUG',
  'INTENTD_NATIVE',
  'INTENTD_PLUGINS',
  'INTENTD_PYTHON',
  'INTENTD_TENSORRT_VERBOSE',
  'INTENTD_VENV',
]);

/**
 * Reads the `INTENTD_…` variables; a list is written with commas.
 *
 * @throws IntentdError `bad_config` for a variable of that prefix that no setting has.
 */
export function fromEnvironment(env: NodeJS.ProcessEnv): Source {
  const byVariable = new Map(settings.map((setting) => [variableOf(setting.path), setting]));
  const pairs: [string, string, string][] = [];
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('INTENTD_') || otherVariables.has(name) || text === undefined) continue;
    const setting = byVariable.get(name);
    if (setting === undefined) {
      throw unknown(name, name, [...byVariable.keys()]);
    }
    pairs.push([setting.path, text, name]);
  }
  return fromPairs(pairs);
}

/**
 * Reads settings given as `path=value` on the command line.
 *
 * @throws IntentdError `bad_config` for a path that no setting has.
 */
export function fromFlags(flags: Readonly<Record<string, string>>): Source {
  for (const path of Object.keys(flags)) {
    if (!settings.some((setting) => setting.path === path)) {
      const paths = settings.map((setting) => setting.path);
      throw unknown(`--set ${path}`, path, paths);
    }
  }
  return fromPairs(Object.entries(flags).map(([path, text]) => [path, text, `--set ${path}`]));
}

function unknown(origin: string, name: string, names: readonly string[]): IntentdError {
  const meant = nearest(name, names);
  return new IntentdError(
    'bad_config',
    `${origin}: no such setting${meant === undefined ? '' : `; did you mean ${meant}?`} (intentd run --print-config shows them all).`,
  );
}

function fromPairs(pairs: readonly (readonly [string, string, string])[]): Source {
  const values: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  for (const [path, text, origin] of pairs) {
    const list = settings.find((setting) => setting.path === path)?.list === true;
    setAt(values, path.split('.'), list ? listOf(text) : scalarOf(path, text));
    origins.set(path, origin);
  }
  return { values, origins };
}

function listOf(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}

/** Names and paths stay text whatever they look like; the rest reads as YAML does. */
function scalarOf(path: string, text: string): unknown {
  if (/(device|stateDir|File|Credential|username|prefix|Topic|protocol|default|url)$/.test(path)) return text;
  return /^[\w.+-]*$/.test(text) ? (parse(text) as unknown) : text;
}

/** Lays `over` on top of `under`; lists are replaced whole, and what stands empty in `over` says nothing. */
export function merge(
  under: Record<string, unknown>,
  over: Record<string, unknown>,
): Record<string, unknown> {
  const merged = Object.assign(Object.create(null) as Record<string, unknown>, under);
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (value === null) continue;
    merged[key] = isTree(value) ? merge(isTree(below) ? below : {}, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function setAt(tree: Record<string, unknown>, [key, ...rest]: string[], value: unknown): void {
  if (key === undefined) return;
  if (rest.length === 0) tree[key] = value;
  else setAt((tree[key] ??= {}) as Record<string, unknown>, rest, value);
}
