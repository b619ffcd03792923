/** Spans that requests are rolled up over, in seconds: five minutes, an hour, a day (UTC). */
export const levels = [300, 3600, 86_400] as const;
export type Level = (typeof levels)[number];

/** Roll-ups are kept along each of these. */
export const dimensions = ['all', 'intent', 'model', 'engine', 'bucket'] as const;
export type Dimension = (typeof dimensions)[number];

/** A piece of a time range: whole spans of a level, or single rows. From inclusive, to exclusive, in ms. */
export interface Piece {
  readonly level: Level | 'rows';
  readonly from: number;
  readonly to: number;
}

/** Start of the span that holds a moment. */
export function startOf(level: Level, time: number): number {
  return Math.floor(time / (level * 1000)) * level * 1000;
}

/**
 * Cuts a range into as few pieces as there can be: days in the middle, then hours, then five minutes, and
 * rows at the edges. Before `rollupsSince` there are rows only.
 */
export function cut(from: number, to: number, rollupsSince: number, coarsest: Level = 86_400): Piece[] {
  if (from >= to) return [];
  if (from < rollupsSince) {
    const edge = Math.min(to, startOf(300, rollupsSince + 300_000 - 1));
    return [{ level: 'rows', from, to: edge }, ...pieces(edge, to, coarsest)];
  }
  return pieces(from, to, coarsest);
}

function pieces(from: number, to: number, level: Level | 'rows'): Piece[] {
  if (from >= to) return [];
  if (level === 'rows') return [{ level, from, to }];
  const finer = finerThan(level);
  const [first, last] = [startOf(level, from + level * 1000 - 1), startOf(level, to)];
  if (first >= last) return pieces(from, to, finer);
  return [...pieces(from, first, finer), { level, from: first, to: last }, ...pieces(last, to, finer)];
}

function finerThan(level: Level): Level | 'rows' {
  return levels[levels.indexOf(level) - 1] ?? 'rows';
}
