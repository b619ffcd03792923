/** What one reading of a meter takes, in milliseconds. */
export interface ReadingCost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Share of one core that readings may take. */
export const maxCpuShare = 0.05;
/** Share of the time in which a reading may be under way: the bus is not ours alone. */
export const maxWallShare = 0.5;

/** Time from one reading to the next: as wished, or as long as its cost asks for, in milliseconds. */
export function affordableIntervalMs(wishedMs: number, { wallMs, cpuMs }: ReadingCost): number {
  return Math.max(wishedMs, wallMs / maxWallShare, cpuMs / maxCpuShare);
}
