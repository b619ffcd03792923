import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { IntentdError, messageOf } from '../base/index.js';
import { configFileOf, type ConfigInputs } from './inputs.js';

/** One place that values come from: the values as a tree, and where each path of it stands. */
export interface Source {
  readonly values: Record<string, unknown>;
  /** Dotted path → `FILE:LINE`, the variable's name, or the flag. */
  readonly origins: ReadonlyMap<string, string>;
}

/** What the configuration file says; nothing where there is none. */
export function fileSource(inputs: ConfigInputs): Source {
  const path = configFileOf(inputs);
  if (path === undefined) return { values: {}, origins: new Map() };
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

/**
 * Reads YAML text of the file `name`.
 *
 * @throws IntentdError `bad_config` naming file and line where it is no YAML, or no mapping.
 */
function fromYaml(text: string, name: string): Source {
  // Most agents run without a file: they need not hold the parser.
  const yaml = createRequire(import.meta.url)('yaml') as typeof Yaml;
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const line = lines.linePos(problem.pos[0]).line;
    throw new IntentdError('bad_config', `${name}:${line}: ${problem.message.split('\n')[0] ?? ''}`);
  }
  if (document.contents === null) return { values: {}, origins: new Map() };
  if (!yaml.isMap(document.contents)) {
    throw new IntentdError('bad_config', `${name}:1: expected a mapping of settings such as "log:".`);
  }
  const origins = new Map<string, string>();
  noteLines(yaml, document.contents, '', (path, offset) => {
    origins.set(path, `${name}:${lines.linePos(offset).line}`);
  });
  return { values: document.toJS({ maxAliasCount: 0 }) as Record<string, unknown>, origins };
}

function noteLines(
  yaml: typeof Yaml,
  node: Yaml.Node | null,
  path: string,
  note: (path: string, offset: number) => void,
): void {
  const below = path === '' ? '' : `${path}.`;
  if (yaml.isMap(node)) {
    for (const { key, value } of node.items) {
      const at = `${below}${yaml.isScalar(key) ? String(key.value) : '?'}`;
      note(at, (key as Yaml.Node).range?.[0] ?? 0);
      noteLines(yaml, value as Yaml.Node | null, at, note);
    }
  }
  if (yaml.isSeq(node)) {
    node.items.forEach((item, index) => {
      note(`${below}${index}`, (item as Yaml.Node).range?.[0] ?? 0);
    });
  }
}
