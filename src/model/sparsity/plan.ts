import { IntentdError } from '../../base/index.js';
import { linearNames, type Architecture, type LinearName } from '../encoder.js';

/** Half the weights of a 2:4 layer are zero. */
const zeroShare = 0.5;

/** Groups in the order they are taken. Query and key are in none: attention scores suffer most. */
const groups: readonly { readonly name: SparsityGroup; readonly linears: readonly LinearName[] }[] = [
  { name: 'feedForward', linears: ['intermediate', 'output'] },
  { name: 'attentionOutput', linears: ['attention.output'] },
  { name: 'value', linears: ['attention.value'] },
];

export type SparsityGroup = 'feedForward' | 'attentionOutput' | 'value';

/** The sizes a plan depends on. */
export type PlannedShape = Pick<Architecture, 'layers' | 'hidden' | 'feedForward'>;

export interface PlanOptions {
  /** Wanted share of zeros among the encoder's linear weights, 0…1; default 0.4. */
  readonly target?: number;
  /** How far `achieved` may be from `target`; default 0.005. */
  readonly tolerance?: number;
}

export interface SparsityPlan {
  readonly pattern: '2:4';
  readonly target: number;
  /** Zeros in 2:4 groups over all weights of query, key, value, attention output, intermediate, output. */
  readonly achieved: number;
  /** Full names such as `layer.0.intermediate`, in the order of the model. */
  readonly layers: readonly string[];
  /** How much of each group the plan takes, in the order the groups are taken. */
  readonly groups: readonly {
    readonly name: SparsityGroup;
    readonly taken: number;
    readonly available: number;
  }[];
}

interface Candidate {
  readonly name: string;
  readonly group: SparsityGroup;
  readonly weights: number;
}

/** `layer.N.LINEAR`, as a bundle names it. */
export function linearName(layer: number, linear: LinearName): string {
  return `layer.${layer}.${linear}`;
}

/** `[out, in]` of a linear layer. */
export function linearShape(
  shape: Pick<Architecture, 'hidden' | 'feedForward'>,
  linear: LinearName,
): readonly [number, number] {
  if (linear === 'intermediate') return [shape.feedForward, shape.hidden];
  if (linear === 'output') return [shape.hidden, shape.feedForward];
  return [shape.hidden, shape.hidden];
}

/**
 * Full names of the layers a plan may take: all but query and key, as far as their inputs divide by 8,
 * which the packed form needs.
 */
export function prunableLayers(shape: PlannedShape): string[] {
  return candidates(shape).map((candidate) => candidate.name);
}

/**
 * Chooses the layers that become 2:4.
 *
 * Feed-forward layers come first, then attention outputs, then value projections; a group is begun only
 * when the one before is taken whole. Within a group the layer of least sensitivity comes first, and of
 * equal ones the one whose name sorts first. Candidates in that order, the first `k` are taken, with `k`
 * such that the share is nearest to the target (the smaller `k` of two equally near). Layers of one group
 * have one size, so no other admissible choice comes nearer.
 *
 * @param sensitivities what pruning each layer costs, by full name, any unit, ≥ 0; names of query and
 *   key may be there and are not used.
 * @throws IntentdError `bad_sparsity_plan` if an argument is wrong, `sparsity_unreachable` if no choice
 *   lands within the tolerance, with the nearest reachable shares.
 */
export function planSparsity(
  shape: PlannedShape,
  sensitivities: Readonly<Record<string, number>>,
  options: PlanOptions = {},
): SparsityPlan {
  const { target = 0.4, tolerance = 0.005 } = options;
  checkShare('target', target);
  checkShare('tolerance', tolerance);
  checkSensitivities(shape, sensitivities);
  const queue = candidates(shape).sort(
    (a, b) =>
      order(a) - order(b) || sensitivities[a.name]! - sensitivities[b.name]! || (a.name < b.name ? -1 : 1),
  );
  const shares = reachableShares(queue, shape);
  const count = nearest(shares, target);
  const achieved = shares[count]!;
  // Shares are sums of fractions: do not refuse a plan over the last bit.
  if (Math.abs(achieved - target) > tolerance + 1e-12) throw unreachable(shares, target, tolerance);
  return describe(shape, queue, count, target, achieved);
}

function order(candidate: Candidate): number {
  return groups.findIndex((group) => group.name === candidate.group);
}

function candidates(shape: PlannedShape): Candidate[] {
  const found: Candidate[] = [];
  for (let layer = 0; layer < shape.layers; layer++) {
    for (const linear of linearNames) {
      const group = groups.find((one) => one.linears.includes(linear));
      const [outputs, inputs] = linearShape(shape, linear);
      if (group === undefined || inputs % 8 !== 0) continue;
      found.push({ name: linearName(layer, linear), group: group.name, weights: outputs * inputs });
    }
  }
  return found;
}

/** Shares after none, one, two… candidates are taken. */
function reachableShares(queue: readonly Candidate[], shape: PlannedShape): number[] {
  const total = shape.layers * (4 * shape.hidden ** 2 + 2 * shape.hidden * shape.feedForward);
  let zeros = 0;
  return [0, ...queue.map((candidate) => (zeros += candidate.weights * zeroShare) / total)];
}

function nearest(shares: readonly number[], target: number): number {
  let best = 0;
  for (const [count, share] of shares.entries()) {
    if (Math.abs(share - target) < Math.abs(shares[best]! - target)) best = count;
  }
  return best;
}

function describe(
  shape: PlannedShape,
  queue: readonly Candidate[],
  count: number,
  target: number,
  achieved: number,
): SparsityPlan {
  const taken = queue.slice(0, count);
  const names = new Set(taken.map((candidate) => candidate.name));
  const inGroup = (list: readonly Candidate[], group: SparsityGroup): number =>
    list.filter((candidate) => candidate.group === group).length;
  return {
    pattern: '2:4',
    target,
    achieved,
    layers: prunableLayers(shape).filter((name) => names.has(name)),
    groups: groups.map(({ name }) => ({
      name,
      taken: inGroup(taken, name),
      available: inGroup(queue, name),
    })),
  };
}

function checkShare(field: string, value: number): void {
  if (!(value >= 0 && value <= 1)) {
    throw new IntentdError('bad_sparsity_plan', `sparsity ${field} must be between 0 and 1, not ${value}`);
  }
}

function checkSensitivities(shape: PlannedShape, sensitivities: Readonly<Record<string, number>>): void {
  for (const name of prunableLayers(shape)) {
    const value = sensitivities[name];
    if (value === undefined || !(value >= 0 && value < Infinity)) {
      throw new IntentdError(
        'bad_sparsity_plan',
        `sensitivities: ${name} must be a finite number of at least 0, not ${value === undefined ? 'missing' : value}`,
      );
    }
  }
  const known = new Set(
    Array.from({ length: shape.layers }, (_, layer) =>
      linearNames.map((linear) => linearName(layer, linear)),
    ).flat(),
  );
  const stranger = Object.keys(sensitivities).find((name) => !known.has(name));
  if (stranger !== undefined) {
    throw new IntentdError(
      'bad_sparsity_plan',
      `sensitivities: ${stranger} is no linear layer of an encoder with ${shape.layers} layers`,
    );
  }
}

function unreachable(shares: readonly number[], target: number, tolerance: number): IntentdError {
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  const wanted = `${percent(target)} ± ${(tolerance * 100).toFixed(2)} points`;
  const above = shares.findIndex((share) => share > target);
  if (above === -1) {
    const most = shares.length - 1;
    return new IntentdError(
      'sparsity_unreachable',
      `sparsity ${wanted} is out of reach: with query and key dense this encoder reaches at most ${percent(shares[most]!)}, with ${most} layers`,
    );
  }
  return new IntentdError(
    'sparsity_unreachable',
    `sparsity ${wanted} is out of reach: the nearest shares are ${percent(shares[above - 1]!)} with ${above - 1} layers and ${percent(shares[above]!)} with ${above}`,
  );
}
