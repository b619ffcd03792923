/**
 * Which of two semantic versions is newer: negative where `a` is older than `b`, 0 where neither is.
 * What stands behind a "+" does not count (semver.org, 10 and 11).
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (const at of [0, 1, 2] as const) {
    const difference = left.numbers[at]! - right.numbers[at]!;
    if (difference !== 0) return difference;
  }
  return comparePreRelease(left.preRelease, right.preRelease);
}

function parse(version: string): { numbers: number[]; preRelease: string[] } {
  const [withoutBuild] = version.split('+') as [string];
  const dash = withoutBuild.indexOf('-');
  const core = dash < 0 ? withoutBuild : withoutBuild.slice(0, dash);
  return {
    numbers: core.split('.').map(Number),
    preRelease: dash < 0 ? [] : withoutBuild.slice(dash + 1).split('.'),
  };
}

/** A version without pre-release part is newer than one with it; fewer equal parts are older. */
function comparePreRelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const difference = comparePart(a[at]!, b[at]!);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Numbers count as numbers, and stand before words. */
function comparePart(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber && bIsNumber) return Number(a) - Number(b);
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
