const levels = '▁▂▃▄▅▆▇█';
const eighths = ' ▏▎▍▌▋▊▉';

/** A line of one character a value, from nothing to the highest; a space where there is none. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = Math.max(...values.map((value) => value ?? 0));
  return values
    .map((value) => {
      if (value === null) return ' ';
      const share = most <= 0 ? 0 : Math.max(0, value) / most;
      return levels[Math.min(levels.length - 1, Math.floor(share * levels.length))]!;
    })
    .join('');
}

/** A bar over a share, 0 to 1, of so many columns, to an eighth of a column. */
export function bar(share: number, columns: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  const rest = filled % 8 === 0 ? '' : eighths[filled % 8]!;
  return '█'.repeat(Math.floor(filled / 8)) + rest;
}
