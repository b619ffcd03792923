/** The name that takes the fewest changed letters, where these are few enough for a slip of the hand. */
export function nearest(text: string, names: readonly string[]): string | undefined {
  const most = Math.max(2, Math.floor(text.length / 4));
  const measured = names.map((name) => ({
    name,
    distance: distanceOf(text.toLowerCase(), name.toLowerCase()),
  }));
  const best = measured.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= most ? best.name : undefined;
}

/** Levenshtein's: letters to insert, delete or replace. */
function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
