import { denseAttention, type Checkpoint } from '../checkpoint/index.js';
import type { Encoder, EncoderLayer, Matrix } from '../encoder.js';
import type { SparsityPlan } from '../sparsity/index.js';
import { PruningPass, QuantizingPass, type LayerJob } from './compressingPasses.js';
import type { StepChoice } from './activationStep.js';
import { embedTokens, passLayer } from './forward.js';
import type { Multiply } from './multiply.js';
import type { Observation, ObservedRows } from './observe.js';
import { quantizeRows } from './quantizeWeights.js';

/** An encoder made sparse and INT8, and what it and its pruned floating-point form answer. */
export interface Compression {
  readonly encoder: Encoder;
  /** The last layer's states of the pruned encoder in floating point, `[rows, hidden]`. */
  readonly prunedStates: Float32Array;
  /** The same of the sparse INT8 encoder with every activation site quantized. */
  readonly int8States: Float32Array;
  readonly sites: readonly (StepChoice & { readonly site: string })[];
}

/**
 * Prunes the planned layers and quantizes all, a layer in memory at a time and each on what those
 * already done before it give. Pruned weights are refitted; weights are quantized by row with the clipping
 * that loses least, activations with the step that loses least; biases move so that each output keeps the
 * dense encoder's mean.
 *
 * @param onLayer called after each layer with the number of layers done.
 */
export async function compress(
  checkpoint: Checkpoint,
  plan: SparsityPlan,
  observation: Observation,
  utterances: ObservedRows,
  multiply: Multiply,
  onLayer: (done: number) => void,
): Promise<Compression> {
  const { architecture } = checkpoint;
  const { rows } = utterances;
  const planned = new Set(plan.layers);
  const embeddings = await checkpoint.embeddings();
  const word = int8Table(embeddings.word);
  const position = int8Table(embeddings.position);
  let pruned = embedTokens(rows, embeddings, architecture);
  let int8 = embedTokens(rows, { ...embeddings, word, position }, architecture);
  const layers: EncoderLayer[] = [];
  const sites: Compression['sites'][number][] = [];
  for (let index = 0; index < architecture.layers; index++) {
    const layer = await checkpoint.layer(index);
    const job: LayerJob = { architecture, layer, index, planned, observation, utterances, multiply };
    const pruning = new PruningPass(job);
    pruned = await passLayer(pruned, rows, architecture, layer, pruning);
    const quantizing = new QuantizingPass(job, pruning.weights());
    int8 = await passLayer(int8, rows, architecture, layer, quantizing);
    layers.push({ ...layer, linear: quantizing.linears(), activation: quantizing.steps() });
    sites.push(...quantizing.choices());
    onLayer(index + 1);
  }
  const { tokenType, norm } = embeddings;
  return {
    encoder: { architecture, attention: denseAttention, word, position, tokenType, norm, layers },
    prunedStates: pruned,
    int8States: int8,
    sites,
  };
}

function int8Table(table: Matrix): Matrix {
  return table.kind === 'int8' ? table : quantizeRows(table.data, table.rows, table.columns);
}
