import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenizer } from '../../../src/model/tokenizer/index.js';
import * as tables from '../../../src/model/tokenizer/unicodeTables.js';
import { missingPython, runPython } from '../../support/python.js';
import { variedStrings } from './strings.js';
import { addedToken, bertNormalizer, tinyTokenizer, wordPiece } from './tinyTokenizer.js';

const tokenize = new URL('../../python/tokenize_strings.py', import.meta.url);
const unicodeTables = new URL('../../python/unicode_tables.py', import.meta.url);
const bundled = fileURLToPath(new URL('../../../models/clinc150-minilm-l6/tokenizer.json', import.meta.url));
const published = process.env['INTENTD_TOKENIZER'] ?? bundled;

/**
 * SHA-256 of what tokenizers 0.23.3 gives the 10,000 strings with the tokenizer of all-MiniLM-L6-v2, so that
 * a machine without Python holds us to it too.
 */
const publishedDigest = '491cf083415b79914188ec1a53fbaeabc056514a2ad4c08ec2520a72b761ec0a';

const withoutPython = missingPython('tokenizers');
const withoutTokenizer = existsSync(published)
  ? undefined
  : `${published} is not here; INTENTD_TOKENIZER names another tokenizer.json`;

const fewStrings = [...variedStrings(1_500, 3), 'İŉǰΣςé\u0344\u0958\u1f82 things dd'];
const manyStrings = variedStrings(10_000, 20_250_101);

/** A test's name, with the reason why it is skipped. */
function named(name: string, skipped: string | undefined): string {
  return skipped === undefined ? name : `${name} (skipped: ${skipped})`;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'intentd-tokenizer-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function pythonIds(file: string, strings: readonly string[], positions = 512): string[] {
  const lines = strings.map((text) => JSON.stringify(text)).join('\n');
  const printed = runPython(tokenize, [file, String(positions)], lines);
  return printed.trimEnd().split('\n');
}

function ourIds(file: string, strings: readonly string[], positions = 512): string[] {
  const tokenizer = createTokenizer(JSON.parse(readFileSync(file, 'utf8')), { positions });
  return strings.map((text) => JSON.stringify([...tokenizer.encode(text).ids]));
}

/** The strings, each with both sides' ids, whose ids differ. */
function differences(file: string, strings: readonly string[], positions = 512): unknown[] {
  const theirs = pythonIds(file, strings, positions);
  expect(theirs).toHaveLength(strings.length);
  return ourIds(file, strings, positions).flatMap((ours, at) =>
    ours === theirs[at] ? [] : [{ text: strings[at], ours, theirs: theirs[at] }],
  );
}

function digest(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

function tinyFile(changes: Readonly<Record<string, unknown>>): string {
  const file = join(folder, 'tokenizer.json');
  writeFileSync(file, JSON.stringify(tinyTokenizer(changes)));
  return file;
}

describe('tokens equal those of the Python package', () => {
  const without = withoutPython ?? withoutTokenizer;
  it.skipIf(without !== undefined)(named('on 10,000 varied strings', without), () => {
    expect(differences(published, manyStrings)).toEqual([]);
    expect(digest(pythonIds(published, manyStrings))).toBe(publishedDigest);
  });

  it.skipIf(withoutTokenizer !== undefined)(named('on 10,000 strings, as recorded', withoutTokenizer), () => {
    expect(digest(ourIds(published, manyStrings))).toBe(publishedDigest);
  });

  it.skipIf(without !== undefined)(named('where most utterances are too long', without), () => {
    expect(differences(published, variedStrings(1_000, 7), 8)).toEqual([]);
  });

  const settings: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['uncased', bertNormalizer()],
    ['cased', bertNormalizer({ lowercase: false })],
    ['with accents', bertNormalizer({ strip_accents: false })],
    ['cased without accents', bertNormalizer({ lowercase: false, strip_accents: true })],
    ['uncleaned', bertNormalizer({ clean_text: false })],
    ['without Chinese', bertNormalizer({ handle_chinese_chars: false })],
  ];
  for (const [name, normalizer] of settings) {
    it.skipIf(withoutPython !== undefined)(named(`for a tokenizer that is ${name}`, withoutPython), () => {
      const file = tinyFile({ normalizer, model: wordPiece({ vocab: everyCharacter(fewStrings) }) });
      expect(differences(file, fewStrings, 128)).toEqual([]);
    });
  }

  it.skipIf(withoutPython !== undefined)(named('with tokens that somebody added', withoutPython), () => {
    const vocab = everyCharacter(fewStrings);
    const first = Object.keys(vocab).length;
    const added = ['FÉ', 'ing', 'ings', 'S D'].map((content, at) =>
      addedToken(content, { id: first + at, normalized: true, special: false }),
    );
    const file = tinyFile({ added_tokens: [addedToken('[MASK]'), ...added], model: wordPiece({ vocab }) });
    expect(differences(file, fewStrings, 128)).toEqual([]);
  });
});

describe('the Unicode tables', () => {
  it.skipIf(withoutPython !== undefined)(
    named('are what the Python package does with every code point', withoutPython),
    () => {
      expect(JSON.parse(runPython(unicodeTables, []))).toEqual({ ...tables });
    },
  );
});

/** A vocabulary with every character as a piece, so that what normalization leaves is seen in the ids. */
function everyCharacter(strings: readonly string[]): Record<string, number> {
  const pieces = new Set(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
  for (const text of strings) {
    const decomposed = text.normalize('NFD');
    for (const form of [text, decomposed, text.toLowerCase(), decomposed.toLowerCase()]) {
      for (const character of form) pieces.add(character).add(`##${character}`);
    }
  }
  return Object.fromEntries([...pieces].map((piece, id) => [piece, id]));
}
