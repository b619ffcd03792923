import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCalibration, readLabelsFile } from '../../../src/model/index.js';

const root = mkdtempSync(join(tmpdir(), 'intentd-files-'));
let made = 0;

afterAll(() => {
  rmSync(root, { recursive: true });
});

function file(content: string): string {
  made += 1;
  const path = join(root, `file-${made}`);
  writeFileSync(path, content);
  return path;
}

describe('a file of utterances to calibrate on', () => {
  it('holds one a line', async () => {
    expect(await readCalibration(file('lights on\n\n  what now? \r\n'))).toEqual([
      { text: 'lights on' },
      { text: 'what now?' },
    ]);
  });

  it('holds JSON lines, with an intent where it is known', async () => {
    const lines = ['{"text": "a", "intent": "x"}', '{"text": "b"}', '{"text": "c", "intent": null}'];
    expect(await readCalibration(file(lines.join('\n')))).toEqual([
      { text: 'a', intent: 'x' },
      { text: 'b' },
      { text: 'c', intent: null },
    ]);
  });

  it('holds splits of pairs, of which oos is out of scope', async () => {
    const splits = { train: [['a', 'x']], val: [['b', 'y']], oos_val: [['c', 'oos']] };
    const wanted = [
      { text: 'a', intent: 'x' },
      { text: 'b', intent: 'y' },
      { text: 'c', intent: null },
    ];
    expect(await readCalibration(file(JSON.stringify(splits)))).toEqual(wanted);
    expect(await readCalibration(file(JSON.stringify(splits, null, 2)))).toEqual(wanted);
  });

  it('holds a JSON list of texts or objects', async () => {
    expect(await readCalibration(file('["a", {"text": "b", "intent": "x"}]'))).toEqual([
      { text: 'a' },
      { text: 'b', intent: 'x' },
    ]);
  });

  it('is refused with its name, the line and the field', async () => {
    const lines = file('{"text": "a"}\n{"text": 3}\n');
    await expect(readCalibration(lines)).rejects.toThrow(
      `${lines} line 2: text must be of type string, not 3`,
    );
    const splits = file('{"val": [["a"]]}');
    await expect(readCalibration(splits)).rejects.toThrow(/val\[0\]/);
    await expect(readCalibration(file(' \n'))).rejects.toThrow(/holds no utterance/);
    await expect(readCalibration(join(root, 'nowhere'))).rejects.toThrow(/nowhere is missing/);
  });
});

describe('a file of labels', () => {
  it.each(['["a", "b c"]', '{"intents": ["a", "b c"]}', 'a\nb c\n\n', ' a\r\nb c'])(
    'may be %j',
    async (content) => {
      expect(await readLabelsFile(file(content))).toEqual(['a', 'b c']);
    },
  );

  it('is refused where it names nothing, or something else', async () => {
    await expect(readLabelsFile(file('[]'))).rejects.toThrow(/names no intent/);
    await expect(readLabelsFile(file('[1]'))).rejects.toMatchObject({ code: 'bad_labels' });
  });
});
