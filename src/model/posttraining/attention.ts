import type { TokenRows } from './tokenRows.js';

/**
 * Dense multi-head attention within each utterance.
 *
 * @param query and `key`, `value` `[rows, hidden]` row-major, heads side by side.
 * @returns the context, `[rows, hidden]`.
 */
export function attend(
  query: Float32Array,
  key: Float32Array,
  value: Float32Array,
  { starts }: TokenRows,
  { hidden, heads }: { readonly hidden: number; readonly heads: number },
): Float32Array {
  const context = new Float32Array(query.length);
  const size = hidden / heads;
  for (let utterance = 0; utterance + 1 < starts.length; utterance++) {
    const first = starts[utterance]!;
    const end = starts[utterance + 1]!;
    const weights = new Float64Array(end - first);
    for (let row = first; row < end; row++) {
      for (let at = 0; at < hidden; at += size) {
        for (let other = first; other < end; other++) {
          const dot = product(query, row * hidden + at, key, other * hidden + at, size);
          weights[other - first] = dot / Math.sqrt(size);
        }
        softmax(weights);
        for (let other = first; other < end; other++) {
          const weight = weights[other - first]!;
          for (let i = at; i < at + size; i++)
            context[row * hidden + i]! += weight * value[other * hidden + i]!;
        }
      }
    }
  }
  return context;
}

function product(a: Float32Array, atA: number, b: Float32Array, atB: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[atA + i]! * b[atB + i]!;
  return sum;
}

/** In place. */
function softmax(values: Float64Array): void {
  const most = values.reduce((largest, value) => Math.max(largest, value), -Infinity);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp(values[i]! - most);
  for (let i = 0; i < values.length; i++) values[i]! /= sum;
}
