import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseJson } from '../base/index.js';
import { checkedTokenizer, createTokenizer, type Tokenizer } from '../model/index.js';

/** A `tokenizer.json`, and what the model takes of it. */
export interface TokenizerFile {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly name: string;
  /** Rows of the encoder's word embeddings. */
  readonly vocabulary: number;
  readonly positions: number;
}

/**
 * The tokenizers of the bundles that are loaded. Bundles with the same file share one: reading tens of thousands of
 * tokens keeps the event loop, and with it every request, for tenths of a second, and takes megabytes.
 */
export class Tokenizers {
  /** For as long as a model holds them. */
  readonly #known = new Map<string, WeakRef<Tokenizer>>();

  /** @throws IntentdError `bad_json`, `bad_bundle` or `bad_tokenizer` */
  async of({ bytes, sha256, name, vocabulary, positions }: TokenizerFile): Promise<Tokenizer> {
    const key = `${sha256} ${vocabulary} ${positions}`;
    const known = this.#known.get(key)?.deref();
    if (known !== undefined) return known;
    // Whoever waits has a turn before each long piece of work.
    await nextTurn();
    const parsed = parseJson(bytes, { name });
    await nextTurn();
    const json = checkedTokenizer(parsed, vocabulary, name);
    await nextTurn();
    const tokenizer = createTokenizer(json, { positions });
    for (const [old, reference] of this.#known) {
      if (reference.deref() === undefined) this.#known.delete(old);
    }
    this.#known.set(key, new WeakRef(tokenizer));
    return tokenizer;
  }
}
