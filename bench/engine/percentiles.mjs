// How measured times are printed: a line a part.

/** Prints p50, p90, p99 and p99.9 of times in µs, which are sorted in place. */
export function printPercentiles(name, us) {
  us.sort((a, b) => a - b);
  const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((share) =>
    us[Math.floor(share * us.length)].toFixed(0).padStart(7),
  );
  console.log(`${name.padEnd(52)} p50 ${p50}  p90 ${p90}  p99 ${p99}  p99.9 ${p999} µs`);
}
