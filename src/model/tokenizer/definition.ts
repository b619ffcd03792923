import { z } from 'zod';
import { IntentdError, parseWith } from '../../base/index.js';
import type { NormalizerSettings } from './normalizer.js';
import type { WordPieceSettings } from './wordPiece.js';

/** A token that is found in the text before words are: `[MASK]`, or one that somebody added. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** It is looked for in normalized text, its own content normalized too. */
  readonly normalized: boolean;
}

/** What of a `tokenizer.json` decides the tokens. */
export interface TokenizerDefinition {
  readonly normalizer: NormalizerSettings;
  readonly wordPiece: WordPieceSettings;
  readonly addedTokens: readonly AddedToken[];
  /** Special tokens before and behind an utterance's own: `[CLS]` and `[SEP]`. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** One more than the largest id. */
  readonly vocabularySize: number;
}

const file = 'tokenizer.json';
const largestId = 0x7fffffff;
const id = z.int().min(0).max(largestId);
const template = z.union([
  z.object({ SpecialToken: z.object({ id: z.string(), type_id: z.literal(0) }) }),
  z.object({ Sequence: z.object({ id: z.literal('A'), type_id: z.literal(0) }) }),
]);
type Template = z.infer<typeof template>;

const schema = z.object({
  truncation: z.object({ direction: z.literal('Right').optional() }).nullish(),
  added_tokens: z
    .array(
      z.object({
        id,
        content: z.string(),
        single_word: z.literal(false),
        lstrip: z.literal(false),
        rstrip: z.literal(false),
        normalized: z.boolean(),
      }),
    )
    .default([]),
  normalizer: z.object({
    type: z.literal('BertNormalizer'),
    clean_text: z.boolean(),
    handle_chinese_chars: z.boolean(),
    strip_accents: z.boolean().nullable(),
    lowercase: z.boolean(),
  }),
  pre_tokenizer: z.object({ type: z.literal('BertPreTokenizer') }),
  post_processor: z.discriminatedUnion('type', [
    z.object({
      type: z.literal('TemplateProcessing'),
      single: z.array(template),
      special_tokens: z.record(z.string(), z.object({ ids: z.array(id) })),
    }),
    z.object({
      type: z.literal('BertProcessing'),
      cls: z.tuple([z.string(), id]),
      sep: z.tuple([z.string(), id]),
    }),
  ]),
  model: z.object({
    type: z.literal('WordPiece'),
    unk_token: z.string(),
    continuing_subword_prefix: z.string(),
    max_input_chars_per_word: z.int().min(1).max(10_000),
    vocab: z.custom<Readonly<Record<string, unknown>>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'must be an object of ids by token',
    ),
  }),
});
type TokenizerJson = z.infer<typeof schema>;

/**
 * Reads what a parsed `tokenizer.json` says.
 *
 * @throws IntentdError `bad_tokenizer`, naming the field, where the file is not a BERT tokenizer or asks for
 * something that intentd does not do; nothing is silently left out.
 */
export function readDefinition(json: unknown): TokenizerDefinition {
  const parsed = parseWith(schema, json, file, 'bad_tokenizer');
  const { normalizer, model, added_tokens: addedTokens } = parsed;
  const vocabulary = readVocabulary(model.vocab);
  const unknown = vocabulary.get(model.unk_token);
  if (unknown === undefined) throw refuse(`model.vocab must hold unk_token "${model.unk_token}"`);
  for (const [at, { content, id }] of addedTokens.entries()) {
    const known = vocabulary.get(content) ?? id;
    if (known !== id) {
      throw refuse(
        `added_tokens[${at}].id must be ${known}, the id of "${content}" in model.vocab, not ${id}`,
      );
    }
  }
  const special = specialTokens(parsed.post_processor);
  let largest = Math.max(...special.before, ...special.after);
  for (const known of vocabulary.values()) largest = Math.max(largest, known);
  for (const added of addedTokens) largest = Math.max(largest, added.id);
  return {
    normalizer: {
      cleanText: normalizer.clean_text,
      chineseCharacters: normalizer.handle_chinese_chars,
      stripAccents: normalizer.strip_accents ?? normalizer.lowercase,
      lowercase: normalizer.lowercase,
    },
    wordPiece: {
      vocabulary,
      unknown,
      continuingPrefix: model.continuing_subword_prefix,
      maximumWord: model.max_input_chars_per_word,
    },
    addedTokens,
    ...special,
    vocabularySize: largest + 1,
  };
}

/** By hand: the schema library takes three times as long over tens of thousands of entries. */
function readVocabulary(vocab: Readonly<Record<string, unknown>>): Map<string, number> {
  const vocabulary = new Map<string, number>();
  for (const [token, value] of Object.entries(vocab)) {
    const isId = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largestId;
    if (!isId)
      throw refuse(`model.vocab[${JSON.stringify(token)}] must be an id, a whole number of at least 0`);
    vocabulary.set(token, value);
  }
  return vocabulary;
}

function specialTokens(post: TokenizerJson['post_processor']): { before: number[]; after: number[] } {
  if (post.type === 'BertProcessing') return { before: [post.cls[1]], after: [post.sep[1]] };
  const middle = post.single.findIndex((part) => 'Sequence' in part);
  if (middle < 0 || post.single.findLastIndex((part) => 'Sequence' in part) !== middle) {
    throw refuse('post_processor.single must hold the sequence A once');
  }
  const ids = (parts: readonly Template[]): number[] =>
    parts.flatMap((part) => {
      if (!('SpecialToken' in part)) return [];
      const token = post.special_tokens[part.SpecialToken.id];
      if (token === undefined) {
        throw refuse(`post_processor.special_tokens must hold "${part.SpecialToken.id}"`);
      }
      return token.ids;
    });
  const special = { before: ids(post.single.slice(0, middle)), after: ids(post.single.slice(middle)) };
  if (special.before.length === 0 || special.after.length === 0) {
    throw refuse('post_processor.single must have special tokens before and behind the sequence A');
  }
  return special;
}

function refuse(problem: string): IntentdError {
  return new IntentdError('bad_tokenizer', `${file}: ${problem}.`);
}
