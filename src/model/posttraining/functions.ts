import type { Architecture, Head, LayerNorm } from '../encoder.js';

/** `values` `[rows, columns]` row-major plus `bias` `[columns]`, in place. */
export function addBias(values: Float32Array, bias: Float32Array): Float32Array {
  for (let i = 0; i < values.length; i++) values[i]! += bias[i % bias.length]!;
  return values;
}

/** LayerNorm of each row of `values` `[rows, columns]`, in place. */
export function layerNorm(values: Float32Array, norm: LayerNorm, epsilon: number): Float32Array {
  const columns = norm.weight.length;
  for (let start = 0; start < values.length; start += columns) {
    const row = values.subarray(start, start + columns);
    let mean = 0;
    for (const value of row) mean += value / columns;
    let variance = 0;
    for (const value of row) variance += (value - mean) ** 2 / columns;
    const scale = 1 / Math.sqrt(variance + epsilon);
    for (let i = 0; i < columns; i++) row[i] = (row[i]! - mean) * scale * norm.weight[i]! + norm.bias[i]!;
  }
  return values;
}

/** An activation function on every value, in place. */
export function activate(
  values: Float32Array,
  activation: Architecture['activation'] | NonNullable<Head['hidden']>['activation'],
): Float32Array {
  const of = activations[activation];
  for (let i = 0; i < values.length; i++) values[i] = of(values[i]!);
  return values;
}

const activations = {
  gelu: (x: number) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  gelu_new: (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  relu: (x: number) => Math.max(0, x),
  tanh: (x: number) => Math.tanh(x),
};

/** The error function within 1.5e-7: Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const magnitude = 1 - series * Math.exp(-x * x);
  return x < 0 ? -magnitude : magnitude;
}
