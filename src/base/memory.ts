import { existsSync, readFileSync } from 'node:fs';
import { freemem } from 'node:os';

const file = '/proc/meminfo';

/** Memory that can be had without swapping, in bytes: what Linux calls available, what is free elsewhere. */
export function availableMemoryBytes(): number {
  const kib = existsSync(file) && /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync(file, 'utf8'))?.[1];
  return kib ? Number(kib) * 1024 : freemem();
}
