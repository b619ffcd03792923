import { readFileSync } from 'node:fs';
import { builtProgram, isBuilt } from './packageFile.js';

/**
 * Milliseconds since 1970 when this program was built, which `npm run build` notes beside it; 0 where it runs from
 * its sources.
 */
export function builtAtMs(): number {
  if (!isBuilt) return 0;
  try {
    return Number(readFileSync(builtProgram('built-at'), 'utf8')) * 1000;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
