import { stringify } from 'yaml';
import type { LoadedConfig } from './load.js';
import { settings } from './schema.js';

/** The configuration as YAML that can be used as a file, each value with its purpose and origin. */
export function printConfig({ config, origins }: LoadedConfig): string {
  const lines: string[] = [];
  let open: string[] = [];
  for (const { path, description } of settings) {
    const groups = path.split('.').slice(0, -1);
    groups.forEach((group, depth) => {
      if (open[depth] !== group) {
        lines.push(`${'  '.repeat(depth)}${group}:`);
        open = open.slice(0, depth);
      }
      open[depth] = group;
    });
    open = groups;
    const indent = '  '.repeat(groups.length);
    const value = valueAt(config, path);
    const text = stringify(value ?? null, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
    lines.push(`${indent}# ${description} (${origins.get(path) ?? 'default'})`);
    lines.push(`${indent}${value === undefined ? '# ' : ''}${path.split('.').at(-1)!}: ${text}`);
  }
  return `${lines.join('\n')}\n`;
}

function valueAt(tree: unknown, path: string): unknown {
  return path.split('.').reduce((below, key) => (below as Record<string, unknown> | undefined)?.[key], tree);
}
