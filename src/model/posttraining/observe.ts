import type { Checkpoint } from '../checkpoint/index.js';
import type { Architecture, EncoderLayer, LinearName } from '../encoder.js';
import { linearName, linearShape, prunableLayers, prune24, pruningError } from '../sparsity/index.js';
import { columnMeans, columnMoments } from './columnSums.js';
import { embedTokens, passLayer, type LayerPass } from './forward.js';
import { addBias } from './functions.js';
import type { Multiply } from './multiply.js';
import type { TokenRows } from './tokenRows.js';

/** What the dense encoder does on the utterances. */
export interface Observation {
  /** `E[x²]` of each input of each linear layer, by full name, over the calibration rows. */
  readonly moments: ReadonlyMap<string, Float32Array>;
  /** `E[y]` of each output of each linear layer, by full name, over the calibration rows. */
  readonly means: ReadonlyMap<string, Float32Array>;
  /** What pruning each prunable layer costs its own output: see `pruningError`. */
  readonly sensitivities: Readonly<Record<string, number>>;
  /** The last layer's states, `[rows, hidden]`. */
  readonly states: Float32Array;
}

/** Utterances to observe: of all `rows`, the first `calibrationRows` count for what is fitted. */
export interface ObservedRows {
  readonly rows: TokenRows;
  readonly calibrationRows: number;
}

/**
 * Runs the dense encoder over all rows, a layer in memory at a time.
 *
 * @param onLayer called after each layer with the number of layers done.
 */
export async function observe(
  checkpoint: Checkpoint,
  { rows, calibrationRows }: ObservedRows,
  multiply: Multiply,
  onLayer: (done: number) => void,
): Promise<Observation> {
  const { architecture } = checkpoint;
  const moments = new Map<string, Float32Array>();
  const means = new Map<string, Float32Array>();
  const sensitivities: Record<string, number> = {};
  const prunable = new Set(prunableLayers(architecture));
  let states = embedTokens(rows, await checkpoint.embeddings(), architecture);
  for (let index = 0; index < architecture.layers; index++) {
    const layer = await checkpoint.layer(index);
    const dense = densePass(layer, architecture, rows.ids.length, multiply);
    states = await passLayer(states, rows, architecture, layer, {
      ...dense,
      linear: async (name, input) => {
        const full = linearName(index, name);
        const [outputs, inputs] = linearShape(architecture, name);
        const output = await dense.linear(name, input);
        moments.set(full, columnMoments(input, calibrationRows, inputs));
        means.set(full, columnMeans(output, calibrationRows, outputs));
        if (prunable.has(full)) sensitivities[full] = sensitivity(layer, name, moments.get(full)!);
        return output;
      },
    });
    onLayer(index + 1);
  }
  return { moments, means, sensitivities, states };
}

function densePass(
  layer: EncoderLayer,
  architecture: Architecture,
  rows: number,
  multiply: Multiply,
): LayerPass {
  return {
    linear: async (name, input) => {
      const [outputs, inputs] = linearShape(architecture, name);
      const { bias } = layer.linear[name];
      return addBias(await multiply(input, floatWeight(layer, name), rows, inputs, outputs), bias);
    },
    site: () => undefined,
  };
}

function sensitivity(layer: EncoderLayer, name: LinearName, moments: Float32Array): number {
  const weight = floatWeight(layer, name);
  const { rows, columns } = layer.linear[name].weight;
  return pruningError(weight, prune24(weight, rows, columns, moments.map(Math.sqrt)), moments);
}

/** The weights of a checkpoint's linear layer, which are always floating point. */
export function floatWeight(layer: EncoderLayer, name: LinearName): Float32Array {
  const { weight } = layer.linear[name];
  if (weight.kind !== 'float') throw new TypeError(`${name} of a checkpoint is already quantized`);
  return weight.data;
}
