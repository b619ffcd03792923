// Figures over time in the one form that the charts draw, whether they come by the second or from the log.

/** @typedef {import('./types').Columns} Columns */

const keptSeconds = 300;

/**
 * The last five minutes, by the second.
 *
 * @param {import('./types').Second[]} seconds
 * @returns {Columns}
 */
export function liveColumns(seconds) {
  const shown = seconds.slice(-keptSeconds);
  const names = new Set(shown.flatMap(({ railsW }) => Object.keys(railsW ?? {})));
  return {
    time: shown.map(({ at }) => at / 1000),
    answered: shown.map(({ ratePerSecond, errors }) => Math.max(0, ratePerSecond - errors)),
    refused: shown.map(({ errors }) => errors),
    p50: shown.map(({ p50Ms }) => p50Ms),
    p95: shown.map(({ p95Ms }) => p95Ms),
    p99: shown.map(({ p99Ms }) => p99Ms),
    energy: shown.map(({ energyMj }) => energyMj),
    rails: Object.fromEntries(
      [...names].map((name) => [name, shown.map(({ railsW }) => railsW?.[name] ?? null)]),
    ),
  };
}

/**
 * What the request log says of an hour or a day.
 *
 * @param {import('./types').History} history
 * @returns {Columns}
 */
export function historyColumns({ since, stepMs, requests, railsW }) {
  const perSecond = (/** @type {number} */ count) => count / (stepMs / 1000);
  return {
    time: requests.count.map((_, step) => (since + step * stepMs) / 1000),
    answered: requests.count.map((count, step) => perSecond(count - requests.errors[step])),
    refused: requests.errors.map(perSecond),
    p50: requests.p50Ms,
    p95: requests.p95Ms,
    p99: requests.p99Ms,
    energy: requests.energyMj,
    rails: railsW,
  };
}

/**
 * The rails that add up to the total: where the total is a rail of its own, what the others leave of it is `rest`.
 *
 * @param {Record<string, (number | null)[]>} rails
 * @param {string | undefined} totalRail
 * @returns {Record<string, (number | null)[]>}
 */
export function parts(rails, totalRail) {
  const own = Object.fromEntries(Object.entries(rails).filter(([name]) => name !== 'total'));
  if (totalRail === undefined || own[totalRail] === undefined) return own;
  const { [totalRail]: whole, ...others } = own;
  if (Object.keys(others).length === 0) return own;
  const rest = whole.map((value, at) => {
    if (value === null) return null;
    const known = Object.values(others).reduce((sum, one) => sum + (one[at] ?? 0), 0);
    return Math.max(0, value - known);
  });
  return { ...others, rest };
}
