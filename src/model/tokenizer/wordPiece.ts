import { characterBits, punctuation, whitespace } from './characters.js';

/** What a `WordPiece` model is made of. */
export interface WordPieceSettings {
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly continuingPrefix: string;
  readonly unknown: number;
  /** Words of more code points than this are unknown as a whole. */
  readonly maximumWord: number;
}

/** Token ids of one text, filled up to a capacity. */
export interface Pieces {
  readonly ids: Int32Array;
  count: number;
  /** There were more tokens than `ids` holds; the rest was not looked at. */
  overflowed: boolean;
}

/** Appends the pieces of one normalized text. */
export type WordPiece = (text: string, into: Pieces) => void;

/** Appends one id, or notes that there is no room. */
export function append(into: Pieces, id: number): void {
  if (into.count === into.ids.length) into.overflowed = true;
  else into.ids[into.count++] = id;
}

/**
 * `BertPreTokenizer` and `WordPiece` in one pass: words end at white space, punctuation stands alone, and a
 * word is cut into the longest pieces that the vocabulary knows, from its start; a word with a rest that it
 * does not know is one unknown token. Time is linear in the text, since a word's and a piece's length are
 * bounded, and reading stops once `into` is full.
 */
export function createWordPiece(settings: WordPieceSettings): WordPiece {
  const bits = characterBits();
  const word = wordReader(settings);
  return (text, into) => {
    let start = 0;
    let codePoints = 0;
    for (let at = 0; at < text.length && !into.overflowed;) {
      const code = text.codePointAt(at)!;
      const width = code > 0xffff ? 2 : 1;
      const separates = bits[code]! & (whitespace | punctuation);
      if (separates === 0) {
        codePoints += 1;
        at += width;
        continue;
      }
      if (codePoints > 0) word(text, start, at, codePoints, into);
      if (separates === punctuation) word(text, at, at + width, 1, into);
      at += width;
      start = at;
      codePoints = 0;
    }
    if (codePoints > 0 && !into.overflowed) word(text, start, text.length, codePoints, into);
  };
}

type WordReader = (text: string, start: number, end: number, codePoints: number, into: Pieces) => void;

function wordReader(settings: WordPieceSettings): WordReader {
  const { vocabulary, continuingPrefix, unknown, maximumWord } = settings;
  const continuing = new Map<string, number>();
  let longest = 0;
  for (const [piece, id] of vocabulary) {
    longest = Math.max(longest, piece.length);
    if (piece.startsWith(continuingPrefix)) continuing.set(piece.slice(continuingPrefix.length), id);
  }
  const found: number[] = [];
  return (text, start, end, codePoints, into) => {
    found.length = 0;
    let known = codePoints <= maximumWord;
    for (let at = start; known && at < end;) {
      const pieces = at === start ? vocabulary : continuing;
      let to = Math.min(end, at + longest);
      let id: number | undefined;
      while (to > at && (id = pieces.get(text.substring(at, to))) === undefined) to -= 1;
      known = id !== undefined;
      if (id !== undefined) found.push(id);
      at = to;
    }
    if (!known) append(into, unknown);
    else for (const id of found) append(into, id);
  };
}
