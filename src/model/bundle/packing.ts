import { IntentdError } from '../../base/index.js';

/** A 2:4 matrix as a bundle stores it: `values` `[rows, columns/2]`, `positions` `[rows, columns/8]`. */
export interface Packed {
  readonly values: Int8Array;
  readonly positions: Uint8Array;
}

/**
 * Packs a 2:4 matrix `[rows, columns]`: of every four columns the two that may be non-zero, in
 * ascending position. Where a group has fewer than two non-zeros, zeros at its lowest free positions
 * fill up, so equal weights pack to equal bytes. `unpack` gives back exactly what was packed.
 *
 * @param name what error messages call the matrix
 * @throws IntentdError `bad_packing` if a group has more than two non-zeros
 */
export function pack(weight: Int8Array, rows: number, columns: number, name = 'The matrix'): Packed {
  checkSize(weight.length, rows * columns, columns, name);
  const values = new Int8Array(weight.length / 2);
  const positions = new Uint8Array(weight.length / 8);
  for (let group = 0; group < weight.length / 4; group++) {
    const [low, high] = keptPositions(weight, group * 4);
    if (high === undefined) {
      const row = Math.floor((group * 4) / columns);
      throw new IntentdError(
        'bad_packing',
        `${name} has more than two non-zeros in row ${row}, columns ${(group * 4) % columns} to ${((group * 4) % columns) + 3}, so it is not 2:4.`,
      );
    }
    values[group * 2] = weight[group * 4 + low]!;
    values[group * 2 + 1] = weight[group * 4 + high]!;
    positions[group >> 1]! |= (low | (high << 2)) << ((group & 1) * 4);
  }
  return { values, positions };
}

/**
 * The dense matrix `[rows, columns]` of a packed one.
 *
 * @param name what error messages call the matrix
 * @throws IntentdError `bad_packing` if the sizes differ or two positions of a group do not ascend
 */
export function unpack(packed: Packed, rows: number, columns: number, name = 'The matrix'): Int8Array {
  const { values, positions } = packed;
  checkSize(values.length * 2, rows * columns, columns, name);
  checkSize(positions.length * 8, rows * columns, columns, name);
  const weight = new Int8Array(rows * columns);
  for (let group = 0; group < weight.length / 4; group++) {
    const bits = positions[group >> 1]! >> ((group & 1) * 4);
    const low = bits & 3;
    const high = (bits >> 2) & 3;
    if (low >= high) {
      throw new IntentdError(
        'bad_packing',
        `${name} has positions ${low} and ${high} in group ${group}, and they must ascend.`,
      );
    }
    weight[group * 4 + low] = values[group * 2]!;
    weight[group * 4 + high] = values[group * 2 + 1]!;
  }
  return weight;
}

/** The two positions of a group to keep; the second is `undefined` if more than two are non-zero. */
function keptPositions(weight: Int8Array, start: number): readonly [number, number | undefined] {
  let first = -1;
  let second = -1;
  for (let position = 0; position < 4; position++) {
    if (weight[start + position] === 0) {
      continue;
    }
    if (second >= 0) {
      return [first, undefined];
    }
    if (first < 0) {
      first = position;
    } else {
      second = position;
    }
  }
  if (second >= 0) {
    return [first, second];
  }
  return first <= 0 ? [0, 1] : [0, first];
}

function checkSize(length: number, expected: number, columns: number, name: string): void {
  if (length !== expected || columns % 8 !== 0) {
    throw new IntentdError(
      'bad_packing',
      `${name} has ${length} elements, and ${expected} in rows of a multiple of 8 were expected.`,
    );
  }
}
