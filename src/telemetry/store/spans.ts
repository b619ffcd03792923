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

/** From when on there are roll-ups, in milliseconds since 1970. */
export interface RollupTimes {
  /** They hold every request from then on. */
  readonly rollupsSince: number;
  /** The first span of each level that is still kept; `Infinity` where none is. */
  readonly levelSince: Readonly<Record<Level, number>>;
}

/**
 * Cuts a range into as few pieces as there can be: days in the middle, then hours, then five minutes, and
 * rows at the edges. Where the spans of a level are not kept any more, finer ones stand for them, at last rows,
 * which may be kept for longer.
 */
export function cut(from: number, to: number, kept: RollupTimes, coarsest: Level = 86_400): Piece[] {
  if (from >= to) return [];
  const { rollupsSince, levelSince } = kept;
  if (from < rollupsSince) {
    const edge = Math.min(to, startOf(300, rollupsSince + 300_000 - 1));
    return [{ level: 'rows', from, to: edge }, ...pieces(edge, to, coarsest, levelSince)];
  }
  return pieces(from, to, coarsest, levelSince);
}

function pieces(
  from: number,
  to: number,
  level: Level | 'rows',
  levelSince: RollupTimes['levelSince'],
): Piece[] {
  if (from >= to) return [];
  if (level === 'rows') return [{ level, from, to }];
  const finer = finerThan(level);
  const least = Math.max(from, Math.min(to, levelSince[level]));
  const [first, last] = [startOf(level, least + level * 1000 - 1), startOf(level, to)];
  if (first >= last) return pieces(from, to, finer, levelSince);
  return [
    ...pieces(from, first, finer, levelSince),
    { level, from: first, to: last },
    ...pieces(last, to, finer, levelSince),
  ];
}

function finerThan(level: Level): Level | 'rows' {
  return levels[levels.indexOf(level) - 1] ?? 'rows';
}
