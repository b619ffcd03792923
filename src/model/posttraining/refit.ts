import { IntentdError } from '../../base/index.js';
import type { Multiply } from './multiply.js';

/** Weight of staying near the unpruned weights, as a share of the mean second moment of the inputs. */
const damping = 0.05;
const iterations = 20;

/** A pruned weight to refit. */
export interface PrunedWeight {
  /** `[outputs, inputs]` before pruning. */
  readonly weight: Float32Array;
  /** The same with zeros where weights were dropped. */
  readonly pruned: Float32Array;
  readonly outputs: number;
  readonly inputs: number;
}

/**
 * Moves the weights that pruning kept so that the layer's outputs come as near as they can to the
 * unpruned layer's: least squares over the calibration rows, `min Σ ‖x (W' − W)ᵀ‖²`, with zeros staying
 * zero. Solved by conjugate gradients, each output for itself, with the diagonal as preconditioner.
 *
 * @param input `[rows, inputs]`: what the layer reads; more rows may lie behind.
 * @returns the refitted weights, `[outputs, inputs]`.
 */
export async function refitPruned(
  { weight, pruned, outputs, inputs }: PrunedWeight,
  input: Float32Array,
  rows: number,
  multiply: Multiply,
): Promise<Float32Array> {
  const gram = await dampedGram(input, rows, inputs, multiply);
  const step = (values: Float32Array): Promise<Float32Array> =>
    multiply(values, gram, outputs, inputs, inputs);
  const missing = await step(pruned.map((value, i) => weight[i]! - value));
  const inverse = Float32Array.from({ length: inputs }, (_, i) => 1 / gram[i * inputs + i]!);
  const fitted = pruned.slice();
  const direction = new Float32Array(pruned.length);
  const searches = Array.from({ length: outputs }, (_, output) => {
    const own = (all: Float32Array): Float32Array => all.subarray(output * inputs, (output + 1) * inputs);
    return new RowSearch(own(fitted), own(missing), own(direction), inverse);
  });
  for (let iteration = 0; iteration < iterations; iteration++) {
    const change = await step(direction);
    for (const [output, search] of searches.entries()) {
      search.advance(change.subarray(output * inputs, (output + 1) * inputs));
    }
  }
  return checked(fitted);
}

/** Preconditioned conjugate gradients for the kept weights of one output. */
class RowSearch {
  readonly #kept: Uint8Array;
  #progress: number;

  /**
   * @param fitted the row, changed in place
   * @param residual what the gram matrix makes of what pruning dropped; becomes what is still missing
   * @param direction where to go next, written here
   * @param inverse of the gram matrix's diagonal
   */
  constructor(
    private readonly fitted: Float32Array,
    private readonly residual: Float32Array,
    private readonly direction: Float32Array,
    private readonly inverse: Float32Array,
  ) {
    this.#kept = Uint8Array.from(fitted, (value) => (value === 0 ? 0 : 1));
    for (let i = 0; i < residual.length; i++) residual[i]! *= this.#kept[i]!;
    this.#progress = this.#scaledSquare();
    for (let i = 0; i < direction.length; i++) direction[i] = residual[i]! * inverse[i]!;
  }

  /** @param change what the gram matrix makes of the direction */
  advance(change: Float32Array): void {
    const { fitted, residual, direction, inverse } = this;
    let curve = 0;
    for (let i = 0; i < change.length; i++) curve += direction[i]! * change[i]!;
    const length = ratio(this.#progress, curve);
    for (let i = 0; i < change.length; i++) {
      fitted[i]! += length * direction[i]!;
      residual[i]! -= length * change[i]! * this.#kept[i]!;
    }
    const progress = this.#scaledSquare();
    const turn = ratio(progress, this.#progress);
    for (let i = 0; i < change.length; i++) direction[i] = residual[i]! * inverse[i]! + turn * direction[i]!;
    this.#progress = progress;
  }

  #scaledSquare(): number {
    let sum = 0;
    for (let i = 0; i < this.residual.length; i++) sum += this.residual[i]! ** 2 * this.inverse[i]!;
    return sum;
  }
}

/** `XᵀX / rows`, with the damping on its diagonal; `[inputs, inputs]`. */
async function dampedGram(
  input: Float32Array,
  rows: number,
  inputs: number,
  multiply: Multiply,
): Promise<Float32Array> {
  const transposed = new Float32Array(inputs * rows);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inputs; i++) transposed[i * rows + row] = input[row * inputs + i]! / Math.sqrt(rows);
  }
  const gram = await multiply(transposed, transposed, inputs, rows, inputs);
  let trace = 0;
  for (let i = 0; i < inputs; i++) trace += gram[i * inputs + i]!;
  // An input that is always zero leaves nothing to fit, and must not divide by zero.
  const added = Math.max((trace / inputs) * damping, 2 ** -100);
  for (let i = 0; i < inputs; i++) gram[i * inputs + i]! += added;
  return gram;
}

/** 0 where nothing is left to move: a row that is solved exactly. */
function ratio(a: number, b: number): number {
  return b > 0 ? a / b : 0;
}

function checked(fitted: Float32Array): Float32Array {
  if (fitted.every(Number.isFinite)) return fitted;
  throw new IntentdError(
    'bad_checkpoint',
    'Refitting a pruned layer gave weights that are not finite: its activations overflow single precision.',
  );
}
