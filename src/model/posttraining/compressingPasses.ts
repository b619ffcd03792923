import {
  activationSites,
  type ActivationSite,
  type Architecture,
  type EncoderLayer,
  type Linear,
  type LinearName,
  linearNames,
} from '../encoder.js';
import { linearName, linearShape, prune24 } from '../sparsity/index.js';
import { chooseStep, chooseStepBehindNorm, snapToStep, type StepChoice } from './activationStep.js';
import { columnEnergy, columnMeans, columnMoments } from './columnSums.js';
import type { LayerPass } from './forward.js';
import { addBias } from './functions.js';
import type { Multiply } from './multiply.js';
import { floatWeight, type Observation, type ObservedRows } from './observe.js';
import { dequantizeRows, quantizeRows } from './quantizeWeights.js';
import { refitPruned } from './refit.js';

/** The linear layers that read each site's values; the other sites' go to attention or a residual. */
const readers: Readonly<Partial<Record<ActivationSite, readonly LinearName[]>>> = {
  input: ['attention.query', 'attention.key', 'attention.value'],
  context: ['attention.output'],
  feedForwardInput: ['intermediate'],
  intermediate: ['output'],
};

/** One layer to be made smaller. */
export interface LayerJob {
  readonly architecture: Architecture;
  readonly layer: EncoderLayer;
  readonly index: number;
  /** Full names of the linear layers that become 2:4. */
  readonly planned: ReadonlySet<string>;
  readonly observation: Observation;
  readonly utterances: ObservedRows;
  readonly multiply: Multiply;
}

/**
 * Prunes the planned linear layers as their inputs come by, in floating point: of every four weights the
 * two of the largest magnitude, counted with the size of their inputs, are kept and refitted, and biases
 * keep the dense outputs' means.
 */
export class PruningPass implements LayerPass {
  readonly #weights = new Map<LinearName, Float32Array>();

  constructor(private readonly job: LayerJob) {}

  async linear(name: LinearName, input: Float32Array): Promise<Float32Array> {
    const weight = await this.#weight(name, input);
    this.#weights.set(name, weight);
    return (await correctedProduct(this.job, name, input, weight)).output;
  }

  site(): void {
    // Floating point: nothing to round.
  }

  /** The layer's weights after pruning, floating point. */
  weights(): ReadonlyMap<LinearName, Float32Array> {
    return this.#weights;
  }

  async #weight(name: LinearName, input: Float32Array): Promise<Float32Array> {
    const { architecture, layer, index, planned, utterances, multiply } = this.job;
    const weight = floatWeight(layer, name);
    if (!planned.has(linearName(index, name))) return weight;
    const [outputs, inputs] = linearShape(architecture, name);
    const moments = columnMoments(input, utterances.calibrationRows, inputs);
    const pruned = prune24(weight, outputs, inputs, moments.map(Math.sqrt));
    return refitPruned({ weight, pruned, outputs, inputs }, input, utterances.calibrationRows, multiply);
  }
}

/** Quantizes a pruned layer as values come by: each step sees what the quantized steps before it give. */
export class QuantizingPass implements LayerPass {
  readonly #linears = new Map<LinearName, Linear>();
  readonly #choices = new Map<ActivationSite, StepChoice>();

  /** @param weights the layer's weights after pruning, floating point. */
  constructor(
    private readonly job: LayerJob,
    private readonly weights: ReadonlyMap<LinearName, Float32Array>,
  ) {}

  async linear(name: LinearName, input: Float32Array): Promise<Float32Array> {
    const { job } = this;
    const [rows, columns] = linearShape(job.architecture, name);
    const moments = columnMoments(input, job.utterances.calibrationRows, columns);
    const sparse = job.planned.has(linearName(job.index, name));
    const weight = quantizeRows(this.weights.get(name)!, rows, columns, { moments, sparse });
    const { output, bias } = await correctedProduct(job, name, input, dequantizeRows(weight));
    this.#linears.set(name, { weight, bias });
    return output;
  }

  site(name: ActivationSite, values: readonly Float32Array[], residual?: Float32Array): void {
    const { architecture, layer, utterances } = this.job;
    const rows = utterances.calibrationRows;
    const columns = values[0]!.length / utterances.rows.ids.length;
    const epsilon = architecture.layerNormEpsilon;
    const norm = name === 'attentionOutput' ? layer.attentionNorm : layer.outputNorm;
    const site = { values, rows, columns };
    const choice =
      residual === undefined
        ? chooseStep(site, this.#importance(name, columns))
        : chooseStepBehindNorm(site, { residual, norm, epsilon });
    this.#choices.set(name, choice);
    for (const one of values) snapToStep(one, choice.step);
  }

  linears(): Record<LinearName, Linear> {
    return Object.fromEntries(linearNames.map((name) => [name, this.#linears.get(name)!])) as Record<
      LinearName,
      Linear
    >;
  }

  steps(): Record<ActivationSite, number> {
    return Object.fromEntries(activationSites.map((site) => [site, this.#choices.get(site)!.step])) as Record<
      ActivationSite,
      number
    >;
  }

  /** The choice of each site, by full name such as `layer.0.activation.input`. */
  choices(): (StepChoice & { readonly site: string })[] {
    return activationSites.map((site) => ({
      site: `layer.${this.job.index}.activation.${site}`,
      ...this.#choices.get(site)!,
    }));
  }

  #importance(site: ActivationSite, columns: number): Float32Array | undefined {
    const energies = readers[site]?.map((name) => columnEnergy(this.weights.get(name)!, columns));
    return energies?.reduce((sum, energy) => sum.map((value, i) => value + energy[i]!));
  }
}

/**
 * `input · weightᵀ + bias` with the bias moved so that the mean of each output over the calibration
 * rows is the dense encoder's.
 */
async function correctedProduct(
  { architecture, index, observation, utterances, multiply }: LayerJob,
  name: LinearName,
  input: Float32Array,
  weight: Float32Array,
): Promise<{ readonly output: Float32Array; readonly bias: Float32Array }> {
  const [outputs, inputs] = linearShape(architecture, name);
  const product = await multiply(input, weight, utterances.rows.ids.length, inputs, outputs);
  const wanted = observation.means.get(linearName(index, name))!;
  const reached = columnMeans(product, utterances.calibrationRows, outputs);
  const bias = wanted.map((mean, i) => mean - reached[i]!);
  return { output: addBias(product, bias), bias };
}
