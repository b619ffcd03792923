import { IntentdError } from '../../base/index.js';
import { readDefinition, type AddedToken } from './definition.js';
import { createNormalizer, type Normalizer } from './normalizer.js';
import { append, createWordPiece, type Pieces } from './wordPiece.js';

export interface TokenizerOptions {
  /** The most tokens an utterance may have, special tokens included: the model's positions. */
  readonly positions: number;
}

/** The tokens of one utterance. */
export interface Tokens {
  /** Special tokens included; at least those, at most the model's positions. */
  readonly ids: Int32Array;
  /** The utterance had more tokens than the model has positions; the special tokens are kept. */
  readonly truncated: boolean;
}

/** Turns utterances into token ids. Holds no state between calls. */
export interface Tokenizer {
  encode(text: string): Tokens;
  /** One more than the largest token id. */
  readonly vocabularySize: number;
  readonly positions: number;
}

/**
 * A BERT tokenizer, from a parsed `tokenizer.json`, that gives the ids of Hugging Face's `tokenizers`
 * package. The file's own truncation and padding are ignored: `positions` is the limit, and batches are
 * padded by {@link padTokens}.
 *
 * @throws IntentdError `bad_tokenizer` where the file asks for what intentd does not do, or where
 * `positions` leaves no room beside the special tokens.
 */
export function createTokenizer(tokenizerJson: unknown, { positions }: TokenizerOptions): Tokenizer {
  const definition = readDefinition(tokenizerJson);
  const { before, after, vocabularySize } = definition;
  const room = positions - before.length - after.length;
  if (!Number.isInteger(positions) || room < 1) {
    throw new IntentdError(
      'bad_tokenizer',
      `tokenizer.json: it puts ${before.length + after.length} special tokens around an utterance, and ${positions} positions leave no room.`,
    );
  }
  const normalize = createNormalizer(definition.normalizer);
  const wordPiece = createWordPiece(definition.wordPiece);
  const tokenize = withAddedTokens(definition.addedTokens, normalize, wordPiece);
  const scratch = new Int32Array(room);
  return {
    positions,
    vocabularySize,
    encode(text) {
      const pieces: Pieces = { ids: scratch, count: 0, overflowed: false };
      tokenize(text, pieces);
      const ids = new Int32Array(before.length + pieces.count + after.length);
      ids.set(before);
      ids.set(scratch.subarray(0, pieces.count), before.length);
      ids.set(after, before.length + pieces.count);
      return { ids, truncated: pieces.overflowed };
    },
  };
}

type Step = (text: string, into: Pieces) => void;

/** Added tokens are cut out first of the text as it is, then of the normalized rest. */
function withAddedTokens(added: readonly AddedToken[], normalize: Normalizer, wordPiece: Step): Step {
  const raw = new Map<string, number>();
  const normalized = new Map<string, number>();
  for (const { content, id, normalized: isNormalized } of added) {
    if (isNormalized) normalized.set(normalize(content), id);
    else raw.set(content, id);
  }
  const afterNormalizing = cutting(normalized, wordPiece);
  return cutting(raw, (text, into) => {
    afterNormalizing(normalize(text), into);
  });
}

/** Cuts a text at the leftmost, then longest, of the given tokens; what lies between goes to `rest`. */
function cutting(tokens: Map<string, number>, rest: Step): Step {
  tokens.delete('');
  if (tokens.size === 0) return rest;
  const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
  const anyToken = new RegExp(longestFirst.map(escape).join('|'), 'g');
  return (text, into) => {
    let start = 0;
    for (const match of text.matchAll(anyToken)) {
      if (match.index > start) rest(text.slice(start, match.index), into);
      append(into, tokens.get(match[0])!);
      start = match.index + match[0].length;
      if (into.overflowed) return;
    }
    if (start < text.length) rest(start === 0 ? text : text.slice(start), into);
  };
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
