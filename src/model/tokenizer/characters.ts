import * as tables from './unicodeTables.js';

/** What the tokenizer must know of a code point, as bits; see unicodeTables.ts for each. */
export const dropped = 1;
export const cleanedToSpace = 2;
export const chinese = 4;
export const nonspacingMark = 8;
export const punctuation = 16;
export const whitespace = 32;
export const normalized = 64;
/** A nonspacing mark that decomposition may move but not change: it can be removed before as well as after. */
export const movableMark = 128;

let shared: Uint8Array | undefined;

/** The bits of every code point, `[0x110000]`: one table for all tokenizers, made at the first call. */
export function characterBits(): Uint8Array {
  shared ??= makeTable();
  return shared;
}

function makeTable(): Uint8Array {
  const bits = new Uint8Array(0x110000);
  const mark = (ranges: readonly number[], bit: number): void => {
    for (let at = 0; at < ranges.length; at += 2) {
      for (let code = ranges[at]!; code <= ranges[at + 1]!; code += 1) bits[code]! |= bit;
    }
  };
  mark(tables.dropped, dropped);
  mark(tables.cleanedToSpace, cleanedToSpace);
  mark(tables.chinese, chinese);
  mark(tables.nonspacingMarks, nonspacingMark);
  mark(tables.punctuation, punctuation);
  mark(tables.whitespace, whitespace);
  mark(tables.normalized, normalized);
  markMovable(bits);
  return bits;
}

function markMovable(bits: Uint8Array): void {
  const both = nonspacingMark | normalized;
  for (let at = 0; at < tables.nonspacingMarks.length; at += 2) {
    for (let code = tables.nonspacingMarks[at]!; code <= tables.nonspacingMarks[at + 1]!; code += 1) {
      const character = String.fromCodePoint(code);
      if ((bits[code]! & both) === both && character.normalize('NFD') === character)
        bits[code]! |= movableMark;
    }
  }
}
