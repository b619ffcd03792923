import { expect, it } from 'vitest';
import { IntentsOfHour } from '../../../src/telemetry/web/intentsOfHour.js';

const minuteMs = 60_000;

it('the intents of the last hour are all that is kept, though nobody looks', () => {
  const intents = new IntentsOfHour();
  for (let minute = 0; minute < 300; minute++) {
    intents.note({ time: minute * minuteMs, intent: `intent ${minute}`, error: null });
  }
  // Looked at as if it were earlier: what is gone then was forgotten without being looked at.
  expect(intents.figures(100 * minuteMs, 1000).answered).toBe(60);
  expect(intents.figures(299 * minuteMs, 1000)).toMatchObject({ answered: 60, outOfScope: 0 });
});
