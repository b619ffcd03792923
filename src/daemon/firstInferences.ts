import { IntentdError } from '../base/index.js';
import { padTokens } from '../model/index.js';
import type { ServedModel } from '../requests/index.js';
import type { LoadedBundle } from './bundles.js';

const warmUps = 3;

/** The first inferences of a shape are slow: they are not a sender's. */
export async function warmUp(model: ServedModel, bundle: LoadedBundle): Promise<void> {
  const texts = bundle.golden.slice(0, warmUps).map((golden) => golden.text);
  for (const text of texts) await inferOnce(model, text);
}

/** @throws IntentdError where the engine fails, or gives what is no number */
export async function inferOnce(model: ServedModel, text: string): Promise<void> {
  const { logits } = await model.engine.infer(padTokens([model.tokenizer.encode(text)]), model.head);
  if (!logits.every(Number.isFinite)) {
    throw new IntentdError('bad_output', `The engine of ${model.id} gives outputs that are not finite.`);
  }
}
