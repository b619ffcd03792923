import { IntentdError } from '../../base/index.js';

/**
 * Keeps the two largest of every four weights along the inputs and zeroes the rest: the pattern that
 * sparse tensor cores compute. Of equal magnitudes the earlier is kept.
 *
 * @param weight `[rows, columns]` row-major, `columns` the inputs and a multiple of 4; not changed.
 * @param importance `[columns]`, ≥ 0: how much each input counts; magnitudes are multiplied by it.
 * @returns a new array of the same shape, at most two values of every four not zero.
 * @throws IntentdError `bad_prune` if the sizes do not fit or a weight is not a number.
 */
export function prune24(
  weight: Float32Array,
  rows: number,
  columns: number,
  importance?: Float32Array,
): Float32Array {
  if (columns % 4 !== 0 || weight.length !== rows * columns) {
    throw new IntentdError(
      'bad_prune',
      `2:4 pruning takes ${rows} × ${columns} weights with columns a multiple of 4, not ${weight.length} weights`,
    );
  }
  if (importance !== undefined && importance.length !== columns) {
    throw new IntentdError(
      'bad_prune',
      `2:4 pruning takes one importance for each of ${columns} columns, not ${importance.length}`,
    );
  }
  const pruned = new Float32Array(weight.length);
  const scores = new Float64Array(4);
  for (let start = 0; start < weight.length; start += 4) {
    for (let i = 0; i < 4; i++) {
      scores[i] = Math.abs(weight[start + i]!) * (importance?.[(start + i) % columns] ?? 1);
    }
    const [first, second] = twoLargest(scores);
    pruned[start + first] = weight[start + first]!;
    pruned[start + second] = weight[start + second]!;
  }
  if (pruned.some(Number.isNaN)) throw new IntentdError('bad_prune', '2:4 pruning met a weight that is NaN');
  return pruned;
}

/** Positions of the two largest of four scores, the earlier first among equals. NaN counts as largest. */
function twoLargest(scores: Float64Array): [number, number] {
  let first = 0;
  for (let i = 1; i < 4; i++) if (!(scores[i]! <= scores[first]!)) first = i;
  let second = first === 0 ? 1 : 0;
  for (let i = second + 1; i < 4; i++) if (i !== first && !(scores[i]! <= scores[second]!)) second = i;
  return [first, second];
}
