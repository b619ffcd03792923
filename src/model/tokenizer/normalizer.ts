import {
  characterBits,
  chinese,
  cleanedToSpace,
  dropped,
  movableMark,
  nonspacingMark,
  normalized as ordered,
} from './characters.js';

/** The settings of a `BertNormalizer`, `strip_accents` resolved. */
export interface NormalizerSettings {
  readonly cleanText: boolean;
  readonly chineseCharacters: boolean;
  readonly stripAccents: boolean;
  readonly lowercase: boolean;
}

/** Text in, normalized text out. */
export type Normalizer = (text: string) => string;

const printableAscii = /^[ -~]*$/;
const replacement = '\ufffd';

/**
 * A `BertNormalizer` that equals the one of Hugging Face's `tokenizers` on every code point: it cleans,
 * sets Chinese characters apart, strips accents and makes lower case, in that order.
 *
 * Two things differ from what JavaScript offers, and are why this exists. The character classes are the
 * package's (of Unicode 8 and 9), not the ones of this Node's Unicode. And lower case is taken character by
 * character, as Rust's `char::to_lowercase` does, so a capital sigma at the end of a word becomes σ, not ς.
 * A lone surrogate, which UTF-8 cannot carry, counts as U+FFFD.
 */
export function createNormalizer(settings: NormalizerSettings): Normalizer {
  const bits = characterBits();
  return (text) => {
    let result = text;
    if (!printableAscii.test(text)) {
      result = separate(text, settings, bits);
      if (settings.stripAccents) result = stripAccents(result, bits);
    }
    return settings.lowercase ? lowercase(result) : result;
  };
}

function separate(text: string, settings: NormalizerSettings, bits: Uint8Array): string {
  let result = '';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const isSurrogate = code >= 0xd800 && code < 0xe000;
    const bit = bits[isSurrogate ? 0xfffd : code]!;
    if (settings.cleanText && (bit & dropped) !== 0) continue;
    if (settings.cleanText && (bit & cleanedToSpace) !== 0) result += ' ';
    else if (settings.chineseCharacters && (bit & chinese) !== 0) result += ` ${character} `;
    else result += isSurrogate ? replacement : character;
  }
  return result;
}

/**
 * Canonical decomposition without nonspacing marks. Only runs of characters that the package decomposes or
 * orders are decomposed: it holds every later one to be a plain letter, which ends a run. Marks that go anyway
 * go first, so that a tower of thousands is not put in order (a quadratic work) to be thrown away.
 */
function stripAccents(text: string, bits: Uint8Array): string {
  let result = '';
  let run = '';
  for (const character of text) {
    const bit = bits[character.codePointAt(0)!]!;
    if ((bit & movableMark) !== 0) continue;
    if ((bit & (ordered | nonspacingMark)) !== 0) {
      run += character;
      continue;
    }
    if (run !== '') result += decompose(run, bits);
    run = '';
    result += character;
  }
  return run === '' ? result : result + decompose(run, bits);
}

function decompose(run: string, bits: Uint8Array): string {
  let result = '';
  for (const character of run.normalize('NFD')) {
    if ((bits[character.codePointAt(0)!]! & nonspacingMark) === 0) result += character;
  }
  return result;
}

function lowercase(text: string): string {
  return text.replaceAll('Σ', 'σ').toLowerCase();
}
