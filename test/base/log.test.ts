import { describe, expect, it } from 'vitest';
import { createLogger, logFormatFor } from '../../src/base/index.js';

function lines() {
  const written: string[] = [];
  return { written, destination: { write: (line: string) => void written.push(line) } };
}

describe('the logger', () => {
  it('writes one JSON object a line, with the level as a word', async () => {
    const { written, destination } = lines();
    const log = await createLogger({ level: 'info', format: 'json', destination });
    log.warn({ queue: 3 }, 'the queue is long');
    expect(JSON.parse(written[0]!)).toMatchObject({ level: 'warn', queue: 3, msg: 'the queue is long' });
  });

  it('puts the journal priority before the line', async () => {
    const { written, destination } = lines();
    const log = await createLogger({ level: 'debug', format: 'journal', destination });
    log.error({}, 'no');
    log.debug({}, 'detail');
    expect(written.map((line) => line.slice(0, 3))).toEqual(['<3>', '<7>']);
  });

  it('keeps quiet below its level', async () => {
    const { written, destination } = lines();
    const log = await createLogger({ level: 'error', format: 'json', destination });
    log.info({}, 'not this');
    expect(written).toEqual([]);
  });

  it('suits the place its lines go to', () => {
    expect(logFormatFor({ JOURNAL_STREAM: '8:1' }, false)).toBe('journal');
    expect(logFormatFor({}, true)).toBe('pretty');
    expect(logFormatFor({}, false)).toBe('json');
  });
});
