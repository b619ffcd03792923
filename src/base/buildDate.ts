import { readFileSync } from 'node:fs';

/**
 * Milliseconds since 1970 when this program was built, which `npm run build` notes beside it; 0 where it runs from
 * its sources.
 */
export function builtAtMs(): number {
  const file = new URL('../built-at', import.meta.url);
  try {
    return Number(readFileSync(file, 'utf8')) * 1000;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
