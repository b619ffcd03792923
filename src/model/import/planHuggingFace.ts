import { openHuggingFace } from '../checkpoint/index.js';
import type { Architecture } from '../encoder.js';
import type { SparsityPlan } from '../sparsity/index.js';
import { observeAndPlan } from './observing.js';
import type { ImportProgress, PlanHuggingFaceOptions } from './options.js';

/** A plan for a checkpoint, with what it was made from. */
export interface HuggingFacePlan {
  readonly architecture: Architecture;
  readonly plan: SparsityPlan;
  /** By full layer name: given ones, or `pruningError` under the utterances' second moments. */
  readonly sensitivities: Readonly<Record<string, number>>;
  readonly utterances: { readonly source: 'given' | 'built-in'; readonly calibration: number };
}

/**
 * Plans which layers of a Hugging Face BERT become 2:4. It need not have a classifier.
 *
 * @throws IntentdError as `openHuggingFace` and `planSparsity`
 */
export async function planHuggingFace(
  folder: string,
  options: PlanHuggingFaceOptions = {},
  onProgress: (progress: ImportProgress) => void = () => undefined,
): Promise<HuggingFacePlan> {
  const checkpoint = await openHuggingFace(folder);
  try {
    const { plan, sensitivities, selection } = await observeAndPlan(checkpoint, options, onProgress);
    const { source, calibration } = selection;
    const { architecture } = checkpoint;
    return { architecture, plan, sensitivities, utterances: { source, calibration } };
  } finally {
    await checkpoint.close();
  }
}
