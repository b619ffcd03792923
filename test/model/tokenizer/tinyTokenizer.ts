const pieces = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'play',
  '##ing',
  '##s',
  'cafe',
  'café',
  'Play',
  '.',
  '中',
];

/** A parsed `tokenizer.json` of a few pieces; `changes` replace whole top-level fields. */
export function tinyTokenizer(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((content) => addedToken(content)),
    normalizer: bertNormalizer(),
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: wordPiece(),
    ...changes,
  };
}

export function addedToken(
  content: string,
  changes: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const id = pieces.indexOf(content);
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return { id, content, ...plain, ...changes };
}

export function bertNormalizer(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const uncased = { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true };
  return { type: 'BertNormalizer', ...uncased, ...changes };
}

export function wordPiece(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 10,
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    ...changes,
  };
}

/** The piece of an id of the tiny vocabulary. */
export function pieceOf(id: number): string {
  return pieces[id] ?? `(${id})`;
}
