import { IntentdError, type Json, parseJson } from '../../base/index.js';

/** A parsed `tokenizer.json`: only its vocabulary has been checked. */
export type TokenizerJson = Readonly<Record<string, Json>>;

/**
 * A `tokenizer.json` whose ids are exactly the rows of an embedding table.
 *
 * @param vocabulary the rows of the encoder's word embeddings
 * @throws IntentdError `bad_json` or `bad_bundle`
 */
export function parseTokenizer(bytes: Uint8Array, vocabulary: number, file: string): TokenizerJson {
  return checkedTokenizer(parseJson(bytes, { name: file }), vocabulary, file);
}

/**
 * The second half of {@link parseTokenizer}, for those that have others to serve in between.
 *
 * @throws IntentdError `bad_bundle`
 */
export function checkedTokenizer(tokenizer: Json, vocabulary: number, file: string): TokenizerJson {
  if (!isObject(tokenizer)) {
    throw bad(file, 'must be an object');
  }
  const ids = vocabularyIds(tokenizer, file);
  checkAddedTokens(tokenizer, ids, file);
  const rows = new Set<number>();
  for (const [token, id] of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= vocabulary) {
      throw bad(
        file,
        `token ${JSON.stringify(token)} has id ${id}, outside of architecture.vocabulary ${vocabulary}`,
      );
    }
    if (rows.has(id)) {
      throw bad(file, `two tokens have the id ${id}`);
    }
    rows.add(id);
  }
  if (rows.size !== vocabulary) {
    throw bad(file, `has ${rows.size} tokens, and architecture.vocabulary is ${vocabulary}`);
  }
  return tokenizer;
}

function vocabularyIds(tokenizer: TokenizerJson, file: string): Map<string, number> {
  const model = tokenizer['model'];
  const vocab = isObject(model) ? model['vocab'] : undefined;
  if (!isObject(vocab)) {
    throw bad(file, 'model.vocab must be an object of tokens and their ids');
  }
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    ids.set(token, asId(id, token, file));
  }
  return ids;
}

/** Added tokens may repeat a token of the vocabulary, under the same id, or add one. */
function checkAddedTokens(tokenizer: TokenizerJson, ids: Map<string, number>, file: string): void {
  const added = tokenizer['added_tokens'] ?? [];
  if (!Array.isArray(added)) {
    throw bad(file, 'added_tokens must be a list');
  }
  for (const [at, entry] of added.entries()) {
    const content = isObject(entry) ? entry['content'] : undefined;
    if (!isObject(entry) || typeof content !== 'string') {
      throw bad(file, `added_tokens[${at}] must be an object with content and id`);
    }
    const id = asId(entry['id'], content, file);
    const known = ids.get(content);
    if (known !== undefined && known !== id) {
      throw bad(file, `added token ${JSON.stringify(content)} has id ${id}, and model.vocab says ${known}`);
    }
    ids.set(content, id);
  }
}

function asId(id: Json | undefined, token: string, file: string): number {
  if (typeof id !== 'number') {
    throw bad(file, `token ${JSON.stringify(token)} has no number as its id`);
  }
  return id;
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function bad(file: string, fault: string): IntentdError {
  return new IntentdError('bad_bundle', `${file}: ${fault}.`);
}
