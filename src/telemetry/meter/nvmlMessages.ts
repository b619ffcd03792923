/**
 * What the process of the NVML meter says, a line each: `ready`, `none WHY`, or `TIME ENERGY`: the system's
 * monotonic clock in ns, and the GPU's energy counter in mJ.
 */
export type NvmlMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'none'; readonly reason: string }
  | { readonly kind: 'energy'; readonly atNs: bigint; readonly energyMj: number };

export function encodeEnergy(atNs: bigint, energyMj: number): string {
  return `${atNs} ${energyMj}\n`;
}

/** @returns `undefined` for a line that is none of these */
export function decodeLine(line: string): NvmlMessage | undefined {
  if (line === 'ready') return { kind: 'ready' };
  if (line.startsWith('none ')) return { kind: 'none', reason: line.slice('none '.length) };
  const numbers = /^(\d{1,20}) (\d{1,17}(?:\.\d{1,9})?)$/.exec(line);
  if (numbers === null) return undefined;
  return { kind: 'energy', atNs: BigInt(numbers[1]!), energyMj: Number(numbers[2]) };
}
