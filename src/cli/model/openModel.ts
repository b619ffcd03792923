import { createRules, type DecisionRules } from '../../decision/index.js';
import { type Bundle, createTokenizer, readBundle, type Tokenizer } from '../../model/index.js';

/** A bundle with what turns an utterance into tokens and outputs into an intent. */
export interface Model {
  readonly bundle: Bundle;
  readonly tokenizer: Tokenizer;
  readonly rules: DecisionRules;
}

/**
 * Reads and checks a bundle, its tokenizer and its decision rules.
 *
 * @throws IntentdError `bad_bundle`, `bad_tokenizer` or `bad_rules`
 */
export async function openModel(folder: string): Promise<Model> {
  const bundle = await readBundle(folder);
  const { positions } = bundle.manifest.architecture;
  return {
    bundle,
    tokenizer: createTokenizer(bundle.tokenizerJson, { positions }),
    rules: createRules(bundle.labels, bundle.head, bundle.manifest.decision),
  };
}
