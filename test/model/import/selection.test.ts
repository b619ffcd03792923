import { describe, expect, it } from 'vitest';
import { selectUtterances } from '../../../src/model/import/selection.js';
import { createTokenizer, type CalibrationUtterance } from '../../../src/model/index.js';
import { tinyTokenizerJson } from '../../support/tinyTokenizerJson.js';

const tokenizer = createTokenizer(tinyTokenizerJson(), { positions: 512 });

function numbered(
  count: number,
  intentOf: (index: number) => string | null = () => 'x',
): CalibrationUtterance[] {
  return Array.from({ length: count }, (_, i) => ({ text: `set timer ${i}`, intent: intentOf(i) }));
}

describe('utterances for an import', () => {
  it('are kept apart: what is measured on is not fitted on, and repetitions count once', () => {
    const { utterances, calibration, rows, calibrationRows } = selectUtterances(
      [...numbered(80), ...numbered(80)],
      tokenizer,
    );
    expect(calibration).toBe(60);
    expect(new Set(utterances.map(({ text }) => text)).size).toBe(80);
    expect(rows.starts).toHaveLength(81);
    expect(calibrationRows).toBe(rows.starts[60]);
  });

  it('are in the same mixed order every time', () => {
    const texts = (): string[] =>
      selectUtterances(numbered(80), tokenizer).utterances.map(({ text }) => text);
    expect(texts()).toEqual(texts());
    expect(texts().slice(0, 60)).not.toEqual(numbered(60).map(({ text }) => text));
  });

  it('hold enough out-of-scope ones for a threshold, however rare they are', () => {
    const rare = numbered(3000, (i) => (i % 150 === 0 ? null : 'x'));
    const { utterances, calibration } = selectUtterances(rare, tokenizer);
    const outside = utterances.map(({ intent }) => intent === null);
    expect(outside.slice(0, calibration).filter(Boolean)).toHaveLength(15);
    expect(outside.slice(calibration).filter(Boolean)).toHaveLength(5);
  });

  it('are cut and bounded, so that time and memory are', () => {
    const long = 'music '.repeat(400);
    const many = numbered(3000).map(({ text }) => ({ text: long + text }));
    const { rows, calibrationRows } = selectUtterances(many, tokenizer);
    const lengths = [...rows.starts.slice(1)].map((end, i) => end - rows.starts[i]!);
    expect(Math.max(...lengths)).toBe(128);
    expect(calibrationRows).toBeLessThanOrEqual(6144);
    expect(rows.ids.length).toBeLessThanOrEqual(2 * 6144);
    expect(rows.ids[127]).toBe(rows.ids[rows.starts[2]! - 1]);
  });

  it('come from a built-in set of different ones where none are given', () => {
    const { source, utterances, calibration } = selectUtterances(undefined, tokenizer);
    expect(source).toBe('built-in');
    expect(utterances).toHaveLength(64);
    expect(calibration).toBe(48);
  });
});
