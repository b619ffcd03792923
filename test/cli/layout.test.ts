import { describe, expect, it } from 'vitest';
import { bytes, percent } from '../../src/cli/format.js';
import { progressOn } from '../../src/cli/progress.js';
import { styleFor } from '../../src/cli/style.js';
import { listing, table } from '../../src/cli/table.js';
import { displayWidth, shorten, stripControls, wrap } from '../../src/cli/text.js';
import { captureIo } from '../support/capture.js';

const io = captureIo();

describe('a table', () => {
  const columns = [{ title: 'intent' }, { title: 'answered' }, { title: 'times', align: 'right' }] as const;

  it('lines up its columns, numbers to the right', () => {
    expect(
      table(io, columns, [
        ['play', 'stop', '3'],
        ['weather', 'time', '12'],
      ]),
    ).toEqual(['intent   answered  times', 'play     stop          3', 'weather  time         12']);
  });

  it('never passes the width of the reader: text gives way, numbers do not', () => {
    const rows = [
      ['a'.repeat(70), 'b'.repeat(300), '123456'],
      ['短い', '長い'.repeat(60), '7'],
    ];
    for (const width of [40, 60, 80]) {
      const lines = table({ color: false, columns: width }, columns, rows);
      expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(width);
      expect(lines[1]).toMatch(/…\s+123456$/);
    }
  });

  it('shows control characters instead of obeying them', () => {
    expect(table(io, [{ title: 'x' }], [['\u001b[2Jgone\r']])[1]).toBe('\\x1b[2Jgone\\x0d');
  });
});

describe('a listing', () => {
  it('continues long values below, beside their name', () => {
    const lines = listing({ color: false, columns: 30 }, [
      ['name', 'short'],
      ['longer name', 'one two three four five six'],
    ]);
    expect(lines).toEqual(['name         short', 'longer name  one two three', '             four five six']);
  });
});

describe('text', () => {
  it('is measured in the columns that a terminal gives it', () => {
    expect(['abc', 'é', 'e\u0301', '日本', '😀', '\u200b'].map(displayWidth)).toEqual([3, 1, 1, 4, 2, 0]);
    expect(shorten('日本語', 5)).toBe('日本…');
    expect(shorten('abc', 3)).toBe('abc');
  });

  it('breaks at spaces, and leaves words that are too long alone', () => {
    expect(wrap('ab cd ef', 5)).toEqual(['ab cd', 'ef']);
    expect(wrap('a abcdefgh b', 4)).toEqual(['a', 'abcdefgh', 'b']);
  });

  it('keeps tabs and line ends when controls are made visible', () => {
    expect(stripControls('a\tb\nc\u0007\u009b')).toBe('a\tb\nc\\x07\\x9b');
  });

  it('is marked only where colour is wanted', () => {
    expect(styleFor({ color: false }).bold('x')).toBe('x');
    expect(styleFor({ color: true }).bold('x')).toBe('\u001b[1mx\u001b[22m');
  });

  it('says sizes and shares as people do', () => {
    expect([0, 1023, 1024, 20_971_520, 5 * 2 ** 40].map(bytes)).toEqual([
      '0 B',
      '1023 B',
      '1.00 KiB',
      '20.0 MiB',
      '5120.0 GiB',
    ]);
    expect(percent(0.97345)).toBe('97.34 %');
  });
});

describe('progress', () => {
  it('is shown at most ten times a second, and at the end', () => {
    const shown = captureIo();
    let now = 0;
    const progress = progressOn(shown, 'evaluating', () => now);
    for (let done = 1; done <= 1000; done += 1) {
      now += 1;
      progress.update(done, 1000);
    }
    progress.end();
    expect(shown.statuses).toHaveLength(12);
    expect(shown.statuses.at(-2)).toContain('100 % (1000 of 1000)');
    expect(shown.statuses.at(-1)).toBe('');
  });
});
