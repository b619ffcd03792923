/** `Σ exp((values[i] − largest) / temperature)` and the largest value, which keeps exponentials under 1. */
export interface Partition {
  readonly largest: number;
  readonly sum: number;
  readonly temperature: number;
}

/** Sums over the given indices; over all values if they are absent. */
export function partition(values: Float32Array, temperature = 1, indices?: readonly number[]): Partition {
  const chosen = indices === undefined ? values : indices.map((index) => values[index]!);
  let largest = -Infinity;
  for (const value of chosen) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of chosen) sum += Math.exp((value - largest) / temperature);
  return { largest, sum, temperature };
}

/** The softmax probability of a value among those that were summed. */
export function probabilityOf(value: number, { largest, sum, temperature }: Partition): number {
  return Math.exp((value - largest) / temperature) / sum;
}

/** `log Σ exp(values[i] / temperature)`; −∞ over no values. */
export function logSumExp(values: Float32Array, temperature = 1, indices?: readonly number[]): number {
  const { largest, sum } = partition(values, temperature, indices);
  return sum === 0 ? -Infinity : largest / temperature + Math.log(sum);
}
