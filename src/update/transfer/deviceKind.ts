import { readFileSync } from 'node:fs';

/** The kind of device that releases may be meant for: `jetson-orin`, `jetson`, or system and processor as `linux-x64`. */
export function deviceKind(modelFile = '/proc/device-tree/model'): string {
  let model = '';
  try {
    model = readFileSync(modelFile, 'latin1');
  } catch (error) {
    // Only boards that are described by a device tree have it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (/jetson/i.test(model)) return /orin/i.test(model) ? 'jetson-orin' : 'jetson';
  return `${process.platform}-${process.arch}`;
}
