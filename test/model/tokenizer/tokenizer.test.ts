import { describe, expect, it } from 'vitest';
import { createTokenizer, padTokens } from '../../../src/model/tokenizer/index.js';
import { addedToken, bertNormalizer, pieceOf, tinyTokenizer, wordPiece } from './tinyTokenizer.js';

function piecesOf(text: string, changes: Readonly<Record<string, unknown>> = {}, positions = 32): string {
  const { ids } = createTokenizer(tinyTokenizer(changes), { positions }).encode(text);
  return [...ids].map(pieceOf).join(' ');
}

describe('an utterance becomes tokens', () => {
  it('cuts words into the longest known pieces, between the special tokens', () => {
    expect(piecesOf('Playing plays.')).toBe('[CLS] play ##ing play ##s . [SEP]');
  });

  it('gives one unknown token for a word with an unknown rest, and for a word that is too long', () => {
    expect(piecesOf('playful')).toBe('[CLS] [UNK] [SEP]');
    expect(piecesOf('playssssss')).toBe('[CLS] play ##s ##s ##s ##s ##s ##s [SEP]');
    expect(piecesOf('playsssssss')).toBe('[CLS] [UNK] [SEP]');
  });

  it('counts the length of a word in code points', () => {
    const vocab = { '[UNK]': 1, '[CLS]': 2, '[SEP]': 3, '😀': 5, '##😀': 6 };
    const changes = { model: wordPiece({ vocab }), added_tokens: [] };
    expect(piecesOf('😀'.repeat(10), changes).split(' ')).toHaveLength(12);
    expect(piecesOf('😀'.repeat(11), changes)).toBe('[CLS] [UNK] [SEP]');
  });

  it('has only the special tokens where there is nothing to read', () => {
    for (const text of ['', '   ', '\t\r\n', '\u200b\u0007\u0000'])
      expect(piecesOf(text)).toBe('[CLS] [SEP]');
  });

  it('sees a lone surrogate as U+FFFD, which it drops', () => {
    expect(piecesOf('play\ud800ing \udc00')).toBe('[CLS] play ##ing [SEP]');
  });

  it('honours what the file says of case, accents, Chinese characters and controls', () => {
    expect(piecesOf('Play CAFÉ')).toBe('[CLS] play cafe [SEP]');
    const normalizer = (changes: object) => ({ normalizer: bertNormalizer({ ...changes }) });
    expect(piecesOf('Play', normalizer({ lowercase: false }))).toBe('[CLS] Play [SEP]');
    expect(piecesOf('café', normalizer({ lowercase: false }))).toBe('[CLS] café [SEP]');
    expect(piecesOf('CAFÉ', normalizer({ strip_accents: false }))).toBe('[CLS] café [SEP]');
    expect(piecesOf('café', normalizer({ strip_accents: true, lowercase: false }))).toBe('[CLS] cafe [SEP]');
    expect(piecesOf('中中')).toBe('[CLS] 中 中 [SEP]');
    expect(piecesOf('中中', normalizer({ handle_chinese_chars: false }))).toBe('[CLS] [UNK] [SEP]');
    expect(piecesOf('play\u0007')).toBe('[CLS] play [SEP]');
    expect(piecesOf('play\u0007', normalizer({ clean_text: false }))).toBe('[CLS] [UNK] [SEP]');
  });

  it('finds added tokens in the text as it is, or in normalized text where they say so', () => {
    expect(piecesOf('play[MASK]play [mask]')).toBe('[CLS] play [MASK] play [UNK] [UNK] [UNK] [SEP]');
    const light = addedToken('Light On', { id: 13, normalized: true, special: false });
    const lights = addedToken('Light Ons', { id: 14, normalized: true, special: false });
    const changes = { added_tokens: [light, lights] };
    expect(piecesOf('play LIGHT ON.', changes)).toBe('[CLS] play (13) . [SEP]');
    expect(piecesOf('light ons', changes)).toBe('[CLS] (14) [SEP]');
  });
});

describe('an utterance that is longer than the model', () => {
  const tokenizer = createTokenizer(tinyTokenizer(), { positions: 6 });

  it('is cut, keeps the last special token, and says so', () => {
    expect(tokenizer.encode('play play play play').truncated).toBe(false);
    const { ids, truncated } = tokenizer.encode('play play play plays');
    expect([...ids].map(pieceOf).join(' ')).toBe('[CLS] play play play play [SEP]');
    expect(truncated).toBe(true);
    expect(tokenizer.encode('play play play play [MASK]').truncated).toBe(true);
    expect(tokenizer.encode('play play play play ').truncated).toBe(false);
  });

  it('takes time in proportion to its length, whatever it is made of', () => {
    const wide = createTokenizer(tinyTokenizer({ model: wordPiece({ max_input_chars_per_word: 100 }) }), {
      positions: 100_000,
    });
    const hostile = [
      'x',
      'é',
      '中',
      '😀',
      '.',
      `${'s'.repeat(99)} `,
      'a\u0301\u0316\u0334\u0327',
      '[MASK]',
      '[MAS',
    ];
    for (const unit of hostile) {
      const text = unit.repeat(40_000 / unit.length);
      const start = performance.now();
      wide.encode(text);
      expect(performance.now() - start, `40,000 characters of ${JSON.stringify(unit)}`).toBeLessThan(500);
    }
  });
});

describe('a tokenizer that intentd cannot follow is refused', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
    ['another model', { model: wordPiece({ type: 'BPE' }) }, /model\.type/],
    ['another normalizer', { normalizer: { type: 'NFC' } }, /normalizer\.type/],
    ['no normalizer', { normalizer: null }, /normalizer/],
    ['another pre-tokenizer', { pre_tokenizer: { type: 'Whitespace' } }, /pre_tokenizer\.type/],
    ['no special tokens', { post_processor: null }, /post_processor/],
    ['truncation from the left', { truncation: { direction: 'Left' } }, /truncation\.direction/],
    [
      'tokens that eat space',
      { added_tokens: [addedToken('[MASK]', { lstrip: true })] },
      /added_tokens\[0\]\.lstrip/,
    ],
    [
      'two ids for a token',
      { added_tokens: [addedToken('[MASK]', { id: 9 })] },
      /added_tokens\[0\]\.id must be 4/,
    ],
    [
      'an id that is no number',
      { model: wordPiece({ vocab: { '[UNK]': '1' } }) },
      /model\.vocab\["\[UNK\]"\]/,
    ],
    ['no unknown token', { model: wordPiece({ vocab: { a: 1 } }) }, /unk_token "\[UNK\]"/],
  ];
  for (const [what, changes, message] of cases) {
    it(what, () => {
      const create = () => createTokenizer(tinyTokenizer(changes), { positions: 8 });
      expect(create).toThrow(expect.objectContaining({ code: 'bad_tokenizer' }) as Error);
      expect(create).toThrow(message);
      expect(create).toThrow(/^tokenizer\.json: .*\.$/);
    });
  }

  it('what is no tokenizer at all', () => {
    for (const json of [null, 3, 'text', [], {}]) {
      expect(() => createTokenizer(json, { positions: 8 })).toThrow(/^tokenizer\.json: .*\.$/);
    }
  });

  it('fewer positions than special tokens and one more', () => {
    expect(() => createTokenizer(tinyTokenizer(), { positions: 2 })).toThrow(/leave no room/);
  });
});

describe('a tokenizer', () => {
  it('knows how large a vocabulary its ids need, added tokens included', () => {
    const added = { added_tokens: [addedToken('<light>', { id: 40 })] };
    expect(createTokenizer(tinyTokenizer(), { positions: 8 }).vocabularySize).toBe(13);
    expect(createTokenizer(tinyTokenizer(added), { positions: 8 }).vocabularySize).toBe(41);
  });

  it('reads BertProcessing as it reads a template', () => {
    const post = { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] };
    expect(piecesOf('play', { post_processor: post })).toBe('[CLS] play [SEP]');
  });
});

describe('a batch', () => {
  const utterances = [
    [2, 5, 3],
    [2, 3],
    [2, 5, 6, 3],
  ].map((ids) => ({ ids: Int32Array.from(ids) }));

  it('lays utterances side by side, padded with 0', () => {
    const batch = padTokens(utterances);
    expect([...batch.ids]).toEqual([2, 5, 3, 0, 2, 3, 0, 0, 2, 5, 6, 3]);
    expect([...batch.lengths]).toEqual([3, 2, 4]);
    expect([batch.size, batch.sequence]).toEqual([3, 4]);
  });

  it('is as wide as asked, never narrower than its longest, never of nothing', () => {
    expect(padTokens(utterances, 16).ids).toHaveLength(48);
    expect(() => padTokens(utterances, 3)).toThrow(RangeError);
    expect(() => padTokens([])).toThrow(RangeError);
  });
});
