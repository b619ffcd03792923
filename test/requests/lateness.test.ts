import { expect, it } from 'vitest';
import { Lateness } from '../../src/requests/lateness.js';

it('how late the loop is, is known at once and fades', () => {
  const lateness = new Lateness(5);
  lateness.begin(1000);
  lateness.note(1005);
  expect(lateness.ms).toBe(0);
  lateness.note(1050);
  expect(lateness.ms).toBe(40);
  for (let at = 1055; at <= 1155; at += 5) lateness.note(at);
  expect(lateness.ms).toBeLessThan(1);
});
