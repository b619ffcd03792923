import type { Linear, Matrix } from '../encoder.js';

/** INT8 weights of one or more linear layers that share an input, side by side. */
export interface Int8Product {
  readonly inputs: number;
  readonly outputs: number;
  /** `[inputs, outputs]` */
  readonly data: Int8Array;
  /** `[outputs]` */
  readonly scale: Float32Array;
}

/** The same in floating point. */
export interface FloatProduct {
  readonly inputs: number;
  readonly outputs: number;
  /** `[inputs, outputs]` */
  readonly data: Float32Array;
}

/** Linear layers of INT8 weights as one product; their zeros stay zeros, in groups of four down a column. */
export function int8Product(linears: readonly Linear[]): Int8Product {
  const { inputs, outputs } = productSize(linears);
  const data = new Int8Array(inputs * outputs);
  const scale = new Float32Array(outputs);
  let column = 0;
  for (const { weight } of linears) {
    if (weight.kind !== 'int8') throw new TypeError('expected INT8 weights');
    transposeInto(data, weight, column, outputs);
    scale.set(weight.scale, column);
    column += weight.rows;
  }
  return { inputs, outputs, data, scale };
}

/** Linear layers as one product in floating point, INT8 weights times their scales. */
export function floatProduct(linears: readonly Linear[]): FloatProduct {
  const { inputs, outputs } = productSize(linears);
  const data = new Float32Array(inputs * outputs);
  let column = 0;
  for (const { weight } of linears) {
    transposeInto(data, { ...weight, data: floatRows(weight) }, column, outputs);
    column += weight.rows;
  }
  return { inputs, outputs, data };
}

/** The biases of linear layers side by side, `[outputs]`. */
export function productBias(linears: readonly Linear[]): Float32Array {
  const bias = new Float32Array(productSize(linears).outputs);
  let at = 0;
  for (const linear of linears) {
    bias.set(linear.bias, at);
    at += linear.weight.rows;
  }
  return bias;
}

/** A matrix in floating point, `[rows, columns]` as it lies. */
export function floatRows(matrix: Matrix): Float32Array {
  if (matrix.kind === 'float') return matrix.data;
  const { data, scale, rows, columns } = matrix;
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    const step = scale[row]!;
    for (let at = row * columns; at < (row + 1) * columns; at++) result[at] = data[at]! * step;
  }
  return result;
}

/** Bytes −128…127 as 0…255: the same numbers with zero point 128. */
export function shiftToUnsigned(data: Int8Array): Uint8Array {
  return Uint8Array.from(data, (value) => value + 128);
}

function productSize(linears: readonly Linear[]): { inputs: number; outputs: number } {
  const outputs = linears.reduce((sum, { weight }) => sum + weight.rows, 0);
  return { inputs: linears[0]?.weight.columns ?? 0, outputs };
}

interface Rows {
  readonly data: Int8Array | Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Writes `[rows, columns]` as columns of a wider matrix that begin `column` columns further right. */
function transposeInto(target: Int8Array | Float32Array, source: Rows, column: number, width: number): void {
  const { data, rows, columns } = source;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) target[i * width + column + row] = data[row * columns + i]!;
  }
}
