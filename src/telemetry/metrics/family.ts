import type { Distribution } from './distribution.js';

export type Labels = Readonly<Record<string, string>>;

export interface MetricValue {
  readonly labels: Labels;
  readonly value: number;
  /** Where it is not the family's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** All time series of one name. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly MetricValue[];
}

/** What a family takes: one value without labels, values with labels, or nothing where nobody knows. */
type Given = number | null | undefined | readonly (readonly [Labels, number | null])[];

export function counter(name: string, help: string, given: Given): MetricFamily {
  return { name, help, type: 'counter', values: valuesOf(given) };
}

export function gauge(name: string, help: string, given: Given): MetricFamily {
  return { name, help, type: 'gauge', values: valuesOf(given) };
}

export function histogram(
  name: string,
  help: string,
  given: readonly (readonly [Labels, Distribution])[],
): MetricFamily {
  const values = given.flatMap(([labels, { upTo, sumSeconds, count }]) => [
    ...upTo.map(([le, value]) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value })),
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ]);
  return { name, help, type: 'histogram', values };
}

function valuesOf(given: Given): MetricValue[] {
  if (given === null || given === undefined) return [];
  if (typeof given === 'number') return [{ labels: {}, value: given }];
  return given.flatMap(([labels, value]) => (value === null ? [] : [{ labels, value }]));
}
