import { readFileSync } from 'node:fs';
import type { WeightForm } from '../../model/index.js';

/** Processor flags of the instructions that multiply unsigned by signed bytes without saturating. */
const dotProducts = ['avx512_vnni', 'avx_vnni'];

/**
 * The form of INT8 weights that this processor computes exactly and fastest.
 *
 * On x86 without VNNI, sums of two unsigned times signed bytes saturate at 16 bits: there both sides are
 * unsigned. ARM's instructions widen first, with or without dot products.
 */
export function weightFormHere(architecture: string = process.arch, flags = processorFlags()): WeightForm {
  if (architecture === 'arm64') return 'u8s8';
  return dotProducts.some((name) => flags.has(name)) ? 'u8s8' : 'u8u8';
}

/** What the kernel says the first processor can do; nothing where there is no such file to ask. */
function processorFlags(file = '/proc/cpuinfo'): ReadonlySet<string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return new Set(); // Not Linux: the form that is right on every processor.
  }
  return new Set(/^flags\s*:\s*(.*)$/m.exec(text)?.[1]?.split(' '));
}
