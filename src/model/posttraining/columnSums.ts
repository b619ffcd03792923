/** `E[x]` of each column over the first `rows` rows of `values` `[…, columns]`. */
export function columnMeans(values: Float32Array, rows: number, columns: number): Float32Array {
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) sums[i]! += values[row * columns + i]!;
  }
  return Float32Array.from(sums, (sum) => sum / rows);
}

/** `E[x²]` of each column over the first `rows` rows of `values` `[…, columns]`. */
export function columnMoments(values: Float32Array, rows: number, columns: number): Float32Array {
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) sums[i]! += values[row * columns + i]! ** 2;
  }
  return Float32Array.from(sums, (sum) => sum / rows);
}

/** `Σ w²` of each column of a weight `[outputs, columns]`. */
export function columnEnergy(weight: Float32Array, columns: number): Float32Array {
  const rows = weight.length / columns;
  return columnMoments(weight, rows, columns).map((moment) => moment * rows);
}
