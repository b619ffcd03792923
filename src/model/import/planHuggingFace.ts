import { openHuggingFace } from '../checkpoint/index.js';
import type { Architecture } from '../encoder.js';
import { planSparsity, type SparsityPlan } from '../sparsity/index.js';
import { observeAndPlan } from './observing.js';
import type { ImportProgress, PlanHuggingFaceOptions } from './options.js';

/** A plan for a checkpoint, with what it was made from. */
export interface HuggingFacePlan {
  readonly architecture: Architecture;
  readonly plan: SparsityPlan;
  /** By full layer name: given ones, or `pruningError` under the utterances' second moments. */
  readonly sensitivities: Readonly<Record<string, number>>;
  /** What sensitivities were measured on; absent where they were given. */
  readonly utterances?: { readonly source: 'given' | 'built-in'; readonly calibration: number };
}

/**
 * Plans which layers of a Hugging Face BERT become 2:4. It need not have a classifier. Where sensitivities
 * are given it is not run.
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
    const { architecture } = checkpoint;
    if (options.sensitivities !== undefined) {
      const plan = planSparsity(architecture, options.sensitivities, options);
      return { architecture, plan, sensitivities: options.sensitivities };
    }
    const { plan, sensitivities, selection } = await observeAndPlan(checkpoint, options, onProgress);
    const { source, calibration } = selection;
    return { architecture, plan, sensitivities, utterances: { source, calibration } };
  } finally {
    await checkpoint.close();
  }
}
