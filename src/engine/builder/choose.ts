import { IntentdError } from '../../base/index.js';
import { bucketName } from '../tensorrt/shapes.js';
import type { CandidateReport } from './report.js';
import type { ChoiceWeights } from './task.js';

/** Costs nearer than this are equal, as far as a measurement on a busy device tells. */
const tie = 0.05;
/** Share of golden utterances in scope whose best intent must be the CPU engine's. */
export const leastAgreement = 0.995;

export interface Choice {
  readonly name: string;
  /** One sentence for the report. */
  readonly reason: string;
  /** Cost of each candidate that was considered, 1 being the best in every respect. */
  readonly costs: Readonly<Record<string, number>>;
}

type Considered = Pick<CandidateReport, 'name' | 'planBytes' | 'buckets' | 'golden'>;

/**
 * Picks the engine that serves. A candidate costs the weighted mean, over latency, energy and memory, of how
 * many times the best candidate's it needs; latency and energy are geometric means over the buckets. Where two
 * differ by less than 5 %, the smaller plan is taken.
 *
 * Energy counts only where it was read for every candidate, in every bucket that counts.
 *
 * @throws IntentdError `disagrees` where no candidate answers as the CPU engine does
 */
export function chooseEngine(candidates: readonly Considered[], weights: ChoiceWeights): Choice {
  const fit = candidates.filter(({ golden }) => golden === null || golden.agreement >= leastAgreement);
  if (fit.length === 0) throw disagreement(candidates);
  const costs = new Map(fit.map((candidate) => [candidate, costOf(candidate, fit, weights)]));
  const least = Math.min(...costs.values());
  const close = fit.filter((candidate) => costs.get(candidate)! <= least * (1 + tie));
  const chosen = close.reduce((best, next) => (next.planBytes < best.planBytes ? next : best));
  return {
    name: chosen.name,
    reason: reasonFor(chosen, fit, close, costs.get(chosen)!),
    costs: Object.fromEntries([...costs].map(([{ name }, cost]) => [name, cost])),
  };
}

function costOf(candidate: Considered, all: readonly Considered[], weights: ChoiceWeights): number {
  const energies = all.map((one) => meanOf(one, weights, 'energyMj'));
  const parts: [number, number][] = [
    [weights.latency, ratio(all, (one) => meanOf(one, weights, 'p50Us')!, candidate)],
    [weights.memory, ratio(all, ({ planBytes }) => planBytes, candidate)],
  ];
  if (energies.every((energy) => energy !== undefined)) {
    parts.push([weights.energy, ratio(all, (one) => meanOf(one, weights, 'energyMj')!, candidate)]);
  }
  const whole = parts.reduce((sum, [weight]) => sum + weight, 0);
  // Nothing that counts was measured: latency is what remains.
  if (whole === 0) return ratio(all, (one) => meanOf(one, weights, 'p50Us')!, candidate);
  return parts.reduce((sum, [weight, value]) => sum + weight * value, 0) / whole;
}

function ratio(all: readonly Considered[], of: (one: Considered) => number, candidate: Considered): number {
  return of(candidate) / Math.min(...all.map(of));
}

/** Geometric mean over the buckets by their weights; `undefined` where a bucket that counts has no figure. */
function meanOf(
  { buckets }: Considered,
  { buckets: named }: ChoiceWeights,
  figure: 'p50Us' | 'energyMj',
): number | undefined {
  const weightOf = Object.keys(named).length === 0 ? () => 1 : (name: string) => named[name] ?? 0;
  let [sum, whole] = [0, 0];
  for (const bucket of buckets) {
    const weight = weightOf(bucketName(bucket));
    const value = bucket[figure];
    if (weight === 0) continue;
    // A counter that stood still, or began anew, tells nothing of a shape.
    if (value === null || value <= 0) return undefined;
    sum += weight * Math.log(value);
    whole += weight;
  }
  return whole === 0 ? 1 : Math.exp(sum / whole);
}

function reasonFor(
  { name, planBytes }: Considered,
  fit: readonly Considered[],
  close: readonly Considered[],
  cost: number,
): string {
  if (fit.length === 1) return `${name} is the only one that answers as the CPU engine does.`;
  if (close.length === 1) return `${name} costs least (${cost.toFixed(3)}), by more than 5 %.`;
  const others = close.filter((one) => one.name !== name).map((one) => one.name);
  return `${name} is within 5 % of ${others.join(' and ')}, and its plan is the smallest (${planBytes} bytes).`;
}

function disagreement(candidates: readonly Considered[]): IntentdError {
  const found = candidates.map(
    ({ name, golden }) => `${name} ${((golden?.agreement ?? 0) * 100).toFixed(1)} %`,
  );
  return new IntentdError(
    'disagrees',
    `No engine answers the golden utterances in scope as the CPU engine does on at least 99.5 %: ${found.join(', ')}.`,
  );
}
