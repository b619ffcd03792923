import type { TokenizerJson } from '../../src/model/index.js';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const letters = Array.from('abcdefghijklmnopqrstuvwxyz0123456789');
const words = ['what', 'is', 'the', 'my', 'please', 'play', 'music', 'light', 'lights', 'turn', 'on', 'off'];
const more = ['weather', 'today', 'balance', 'account', 'book', 'flight', 'to', 'set', 'timer', 'for'];
const punctuation = Array.from('.,?!\'"-');

/** Every piece of the tiny vocabulary in the order of its ids. Any word of letters and digits has pieces. */
export const tinyPieces: readonly string[] = [
  ...special,
  ...letters,
  ...letters.map((letter) => `##${letter}`),
  ...words,
  ...more,
  ...['##ing', '##ed'],
  ...punctuation,
];

/** A real, uncased WordPiece `tokenizer.json` over `tinyPieces`. */
export function tinyTokenizerJson(): TokenizerJson {
  const id = (piece: string) => tinyPieces.indexOf(piece);
  const sequence = (name: string) => ({ Sequence: { id: name, type_id: name === 'A' ? 0 : 1 } });
  const token = (name: string) => ({ SpecialToken: { id: name, type_id: 0 } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content) => ({
      id: id(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token('[CLS]'), sequence('A'), token('[SEP]')],
      pair: [token('[CLS]'), sequence('A'), token('[SEP]'), sequence('B')],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((name) => [name, { id: name, ids: [id(name)], tokens: [name] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(tinyPieces.map((piece, at) => [piece, at])),
    },
  };
}
