import { expect, it } from 'vitest';
import { displayWidth } from '../../src/cli/text.js';
import { historyLines } from '../../src/cli/update/history.js';

it('intentd update history says the whole reason, in 80 columns, and cuts nothing else short for it', () => {
  const message =
    'latency: An utterance takes 12.31 ms at p50, and 1.02 ms with what serves; at most 1.5 times as long is allowed.';
  const past = { endedMs: Date.UTC(2026, 10, 24, 12), family: 'clinc150-minilm-l6', by: 'schedule' } as const;
  const lines = historyLines({ color: false, columns: 80 }, [
    { ...past, version: '1.1.0', outcome: 'rolledBack', failure: { code: 'gate_failed', message } },
    { ...past, version: '1.0.0', outcome: 'committed', failure: null },
  ]);
  expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(80);
  expect(lines[1]).toMatch(/^2026-11-24 \d\d:\d\d  clinc150-minilm-l6  1\.1\.0    rolledBack  schedule$/);
  expect(
    lines
      .slice(2, -1)
      .map((line) => line.trim())
      .join(' '),
  ).toBe(message);
  expect(lines.at(-1)).toContain('1.0.0    committed   schedule');
});
