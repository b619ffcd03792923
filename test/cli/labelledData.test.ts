import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSplit } from '../../src/cli/model/labelledData.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'intentd-data-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function read(content: unknown, split = 'val') {
  const file = join(folder, 'data.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readSplit(file, split, new Set(['play', 'stop']));
}

describe('labelled data', () => {
  it('are the split, and its out-of-scope utterances behind it', async () => {
    const data = {
      val: [['music now please', 'play']],
      oos_val: [['why', 'oos']],
      oos_train: [['how', 'oos']],
    };
    expect(await read(data)).toEqual([
      { text: 'music now please', intent: 'play' },
      { text: 'why', intent: null },
    ]);
    expect(await read({ val: [['halt', 'stop']] })).toEqual([{ text: 'halt', intent: 'stop' }]);
  });

  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    [
      'a split that is not there',
      { train: [], oos_train: [] },
      /has no split "val", it has "train", "oos_train"\.$/,
    ],
    [
      'an unknown intent',
      {
        val: [
          ['x', 'play'],
          ['y', 'fly'],
        ],
      },
      /val\[1\] has the intent "fly", which the bundle/,
    ],
    [
      'an out-of-scope label that is not oos',
      { val: [['x', 'play']], oos_val: [['y', 'play']] },
      /oos_val\[0\].*"oos"\.$/,
    ],
    ['an empty split', { val: [] }, /val is empty/],
    ['a split that is no list', { val: {} }, /val must be a list/],
    ['a pair that is none', { val: [['x']] }, /val\[0\] must be \[text, intent\]/],
    ['a text that is none', { val: [[1, 'play']] }, /val\[0\] must be two strings/],
    ['no object', [], /must be an object of splits/],
    ['no JSON', '{', /is not valid JSON/],
  ];
  it.each(wrong)('with %s are refused', async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
    await expect(read(content)).rejects.toThrow(/data\.json/);
  });

  it('of a file that is not there are refused', async () => {
    await expect(readSplit(join(folder, 'none.json'), 'val', new Set())).rejects.toThrow(/none\.json/);
  });
});
