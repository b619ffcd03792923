import { createRequire } from 'node:module';
import type { Metric, Registry } from 'prom-client';
import type { MetricFamily } from './family.js';

/** The text format that Prometheus scrapes. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/**
 * Writes metrics in Prometheus' text format; families without a value are left out.
 *
 * Of prom-client its registry alone is loaded: the whole package takes nine megabytes, for defaults that are
 * not used here.
 */
export async function exposition(families: readonly MetricFamily[]): Promise<Exposition> {
  const require = createRequire(import.meta.url);
  const OwnRegistry = require('prom-client/lib/registry.js') as typeof Registry;
  const registry = new OwnRegistry();
  for (const family of families) {
    if (family.values.length === 0) continue;
    // The registry asks of a metric only its name and `get`.
    registry.registerMetric({ name: family.name, get: () => Promise.resolve(family) } as unknown as Metric);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}
