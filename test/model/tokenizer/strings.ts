import { seeded } from '../../support/random.js';

const words = [
  'please transfer five hundred dollars from savings to checking',
  "what's my 401(k) balance",
  'play naïve café déjà vu über ÅNGSTRÖM',
  'ΑΘΗΝΑΣ ΟΔΟΣ Σίσυφος',
  'İstanbul DİYARBAKIR straße ẞ ŉ ǰ',
  'الطقس اليوم شَدَّة 25٪',
  'מה השעה עַכְשָׁו',
  'Привет, ЧТО ЗА ПОГОДА Ё Й',
  '今日の天気は？ ｶﾞｷﾞ ガギ',
  '한국어 날씨 각 힣',
  'นาฬิกา ภาษาไทย กำ',
  'हिन्दी क्षत्रिय 你好，世界！𠀀𪚥',
  'tiếng Việt Nguyễn Ðặng',
  'e.g. U.S.A. $12.50/€3 — “quoted” ‘it’s’ … ¿qué? ¡sí!',
  '[CLS] [SEP] [MASK] [UNK] [PAD] [cls] [CLS][SEP]x[MASK]',
  'unaffable electroencephalographically antidisestablishmentarianism',
  '##ing ## a##b',
  'http://example.org/a?b=c&d=%20#e me@example.org C:\\x\\y',
];

/** Ranges of code points, each with what it is there to try. */
const alphabets: readonly (readonly [number, number])[] = [
  [0x20, 0x7e], // ASCII
  [0x01, 0x20], // controls, tab, newline
  [0x7f, 0xa0], // C1 controls, no-break space
  [0xa0, 0x24f], // Latin with accents
  [0x300, 0x36f], // combining marks
  [0x370, 0x3ff], // Greek
  [0x400, 0x52f], // Cyrillic
  [0x590, 0x6ff], // Hebrew, Arabic
  [0x8a0, 0x97f], // newer Arabic marks, Devanagari
  [0xe00, 0xfff], // Thai, Lao, Tibetan
  [0x1100, 0x11ff], // Hangul letters
  [0x1ab0, 0x1aff], // marks later than the package's tables
  [0x1dc0, 0x1fff], // more marks, extended Greek
  [0x2000, 0x206f], // spaces, zero width, direction
  [0x2070, 0x2bff], // symbols
  [0x2e00, 0x2e7f], // punctuation of several Unicode versions
  [0x3000, 0x30ff], // Japanese
  [0x4e00, 0x9fff], // Chinese
  [0xac00, 0xd7a3], // Hangul syllables
  [0xe000, 0xf8ff], // private use
  [0xf900, 0xffff], // compatibility forms, byte order mark, replacement character
  [0x10000, 0x11fff], // scripts beyond the first plane
  [0x1d100, 0x1d7ff], // musical marks, mathematical letters
  [0x1f1e6, 0x1faff], // emoji
  [0x20000, 0x323af], // rare Chinese
  [0xe0000, 0xe01ef], // tags, variation selectors
  [0x10ff00, 0x10ffff], // the last code points
];

const joints = [
  '',
  ' ',
  '  ',
  '\t',
  '\n',
  '\r\n',
  '\u00a0',
  '\u200b',
  '\u200d',
  '\ufe0f',
  '\u3000',
  '\u2028',
  '-',
  "'",
];

/** Varied strings without NUL or lone surrogates: the same for the same seed. */
export function variedStrings(count: number, seed: number): string[] {
  const random = seeded(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const character = ([first, last]: readonly [number, number]): string => {
    const code = first + below(last - first + 1);
    return code >= 0xd800 && code < 0xe000 ? '\ufffd' : String.fromCodePoint(code);
  };
  const run = (length: number): string => {
    const alphabet = pick(alphabets);
    return Array.from({ length }, () => character(alphabet)).join('');
  };
  const shuffled = (text: string): string => {
    const rest = Array.from(text);
    return Array.from(text, () => rest.splice(below(rest.length), 1)[0]).join('');
  };
  const kinds: readonly (() => string)[] = [
    () => pick(words),
    () => shuffled(pick(words)),
    () =>
      pick(words)
        .slice(below(8))
        .normalize(pick(['NFC', 'NFD', 'NFKC', 'NFKD'])),
    () => pick(words).toUpperCase(),
    () => run(1 + below(12)),
    () => Array.from({ length: 1 + below(20) }, () => character(pick(alphabets))).join(''),
    () => `${pick(['a', 'x', 'é', 'word', '中'])}${run(1 + below(6))}${pick(['b', 'ing', '1', '.', ''])}`,
    () => pick(['a', 'é', '😀', 'ab', 'a\u0301', 'ß']).repeat(pick([49, 50, 99, 100, 101, 150, 600])),
    () =>
      Array.from({ length: 2 + below(5) }, () => pick([pick(words), run(1 + below(4))])).join(pick(joints)),
    () => pick(joints) + pick(['👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪', '1️⃣', '☎️']) + pick(words) + pick(joints),
    () => pick(joints).repeat(below(4)),
  ];
  return Array.from({ length: count }, () => pick(kinds)());
}
