import type { BenchOptions, BenchReport } from './bench.js';

/** `benchEngines`, whose libraries are loaded here and not before. */
export async function benchEngines(options: BenchOptions): Promise<BenchReport> {
  const bench = await import('./bench.js');
  return bench.benchEngines(options);
}
