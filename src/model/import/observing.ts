import { IntentdError } from '../../base/index.js';
import type { Checkpoint } from '../checkpoint/index.js';
import { observe, plainMultiply, type Observation } from '../posttraining/index.js';
import { planSparsity, prunableLayers, type SparsityPlan } from '../sparsity/index.js';
import type { ImportProgress, PlanHuggingFaceOptions } from './options.js';
import { selectUtterances, type Selection } from './selection.js';

/** A checkpoint that was run once, and what is to become sparse of it. */
export interface Planned {
  readonly selection: Selection;
  readonly observation: Observation;
  readonly sensitivities: Readonly<Record<string, number>>;
  readonly plan: SparsityPlan;
}

/** Runs a checkpoint over the utterances and plans its sparsity. */
export async function observeAndPlan(
  checkpoint: Checkpoint,
  options: PlanHuggingFaceOptions,
  onProgress: (progress: ImportProgress) => void,
): Promise<Planned> {
  const { architecture } = checkpoint;
  const { target = 0.4, tolerance = 0.005, multiply = plainMultiply } = options;
  // A target out of reach is said before minutes are spent: which layers are taken does not matter for that.
  planSparsity(architecture, options.sensitivities ?? evenly(checkpoint), { target, tolerance });
  const selection = selectUtterances(options.utterances, checkpoint.tokenizer);
  const observation = await observe(checkpoint, selection, multiply, (done) => {
    onProgress({ stage: 'observing', done, total: architecture.layers });
  });
  if (!observation.states.every(Number.isFinite)) {
    throw new IntentdError(
      'bad_checkpoint',
      `${checkpoint.folder} gives values that are not finite on ordinary utterances.`,
    );
  }
  const sensitivities = options.sensitivities ?? observation.sensitivities;
  const plan = planSparsity(architecture, sensitivities, { target, tolerance });
  return { selection, observation, sensitivities, plan };
}

function evenly({ architecture }: Checkpoint): Record<string, number> {
  return Object.fromEntries(prunableLayers(architecture).map((name) => [name, 0]));
}
