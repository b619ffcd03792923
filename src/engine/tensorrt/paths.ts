import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { NativePaths } from '../builder/task.js';
import { addonPath } from './addon.js';

/**
 * Where the addon is, and the plugin library beside it (or where `INTENTD_PLUGINS` says); `undefined` where no
 * addon was built.
 */
export function nativePaths(environment: NodeJS.ProcessEnv = process.env): NativePaths | undefined {
  const addon = addonPath(environment);
  if (!existsSync(addon)) return undefined;
  const plugins = environment['INTENTD_PLUGINS'] ?? join(dirname(addon), 'libintentd_plugins.so');
  return { addon, plugins };
}
