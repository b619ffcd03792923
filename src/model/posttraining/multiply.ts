import { int } from '../graph/attributes.js';
import { GraphBuilder } from '../graph/graphBuilder.js';

/**
 * Computes `input · weightᵀ`: `input` `[rows, inputs]`, `weight` `[outputs, inputs]`, the result
 * `[rows, outputs]`, all row-major.
 */
export type Multiply = (
  input: Float32Array,
  weight: Float32Array,
  rows: number,
  inputs: number,
  outputs: number,
) => Promise<Float32Array>;

/** {@link Multiply} in plain TypeScript: right everywhere, fast nowhere. */
export const plainMultiply: Multiply = (input, weight, rows, inputs, outputs) => {
  const result = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = 0;
      for (let i = 0; i < inputs; i++) sum += input[row * inputs + i]! * weight[output * inputs + i]!;
      result[row * outputs + output] = sum;
    }
  }
  return Promise.resolve(result);
};

/**
 * An ONNX graph of one matrix product, for engines that lend a {@link Multiply}: inputs `input`
 * `[rows, inputs]` and `weight` `[outputs, inputs]`, output `product` `[rows, outputs]`, all FP32.
 */
export function productToOnnx(): Uint8Array {
  const graph = new GraphBuilder('product');
  const input = graph.input('input', 'float32', ['rows', 'inputs']);
  const weight = graph.input('weight', 'float32', ['outputs', 'inputs']);
  const product = graph.node('Gemm', [input, weight], 'product', { attributes: { transB: int(1) } });
  graph.output(product, 'float32', ['rows', 'outputs']);
  return graph.toModel({ '': 20 });
}
