import type { Progress } from '../service/index.js';
import type { Engines, LoadedModel } from './engines.js';
import type { GoldenGate } from './goldenGate.js';

export interface Admission {
  readonly engines: Engines;
  readonly gate: GoldenGate;
}

/**
 * Loads the bundle in `folder` and asks it its golden utterances.
 *
 * @throws IntentdError why it is refused, or the signal's reason; then it is not on a worker any more
 */
export async function admit(
  { engines, gate }: Admission,
  { folder, name }: { readonly folder: string; readonly name: string },
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<LoadedModel> {
  tell({ step: 'loading' });
  const { model, bundle } = await engines.load(folder, name, signal);
  try {
    const candidate = {
      model: model.served,
      digest: bundle.digest,
      golden: bundle.golden,
      evaluation: bundle.manifest.evaluation,
    };
    await gate.check(candidate, (done, of) => {
      signal.throwIfAborted();
      tell({ step: 'asking the golden utterances', done, of });
    });
  } catch (error) {
    await engines.unload(model);
    throw error;
  }
  return model;
}
