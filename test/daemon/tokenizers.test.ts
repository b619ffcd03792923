import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sha256 } from '../../src/base/index.js';
import { Tokenizers, type TokenizerFile } from '../../src/daemon/tokenizers.js';
import { tinyPieces, tinyTokenizerJson } from '../support/tinyTokenizerJson.js';

function file(text: string, more: Partial<TokenizerFile> = {}): TokenizerFile {
  const bytes = Buffer.from(text);
  const vocabulary = tinyPieces.length;
  return { bytes, sha256: sha256(bytes), name: 'tokenizer.json', vocabulary, positions: 32, ...more };
}

const tiny = JSON.stringify(tinyTokenizerJson());
const shipped = join(import.meta.dirname, '../../models/clinc150-minilm-l6/tokenizer.json');

it('bundles with the same tokenizer share one, and others do not', async () => {
  const tokenizers = new Tokenizers();
  const first = await tokenizers.of(file(tiny));
  expect(await tokenizers.of(file(tiny))).toBe(first);
  expect(await tokenizers.of(file(`${tiny}\n`))).not.toBe(first);
  const shorter = await tokenizers.of(file(tiny, { positions: 8 }));
  expect([shorter.positions, first.positions]).toEqual([8, 32]);
  expect(shorter.encode('play my music').ids).toEqual(first.encode('play my music').ids);
});

it('a tokenizer that is refused is refused again', async () => {
  const tokenizers = new Tokenizers();
  for (let tries = 0; tries < 2; tries++) {
    await expect(tokenizers.of(file('{}'))).rejects.toMatchObject({ code: 'bad_bundle' });
  }
});

it('whoever waits has a turn before each of the three long pieces of reading one', async () => {
  const text = readFileSync(shipped, 'utf8');
  let turns = 0;
  let isRead = false;
  const taking = (): void => {
    if (isRead) return;
    turns += 1;
    setImmediate(taking);
  };
  setImmediate(taking);
  await new Tokenizers().of(file(text, { vocabulary: 30_522, positions: 512 }));
  isRead = true;
  expect(turns).toBeGreaterThanOrEqual(3);
});
