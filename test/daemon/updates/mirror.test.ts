import { expect, it } from 'vitest';
import { silentLogger, systemClock, type Outcome } from '../../../src/base/index.js';
import { createRules } from '../../../src/decision/index.js';
import { Mirror } from '../../../src/daemon/updates/mirror.js';
import { Pacer } from '../../../src/daemon/updates/pacer.js';
import type { ServedModel, Trace } from '../../../src/requests/index.js';
import { answerOf } from '../../support/answers.js';
import { until } from '../../support/until.js';

const intents = ['transfer', 'pay_bill'];
const head = { intents: 2, background: 0, temperature: 1 };

/** A model that answers `transfer`, of which the test says when it does. */
function trial() {
  const batches: number[] = [];
  let release: () => void = () => undefined;
  let held = Promise.resolve();
  const model = {
    id: 'tiny',
    head: 'h',
    rules: createRules(intents, head, {
      temperature: 1,
      outOfScope: { score: 'energy', threshold: -100 },
      ambiguityMargin: 0,
    }),
    tokenizer: { positions: 64, encode: () => ({ ids: Int32Array.of(1, 2), truncated: false }) },
    engine: {
      infer: async ({ size }: { size: number }) => {
        batches.push(size);
        await held;
        const logits = Float32Array.from({ length: 2 * size }, (_, at) => (at % 2 === 0 ? 5 : 0));
        return { logits, embeddings: new Float32Array(size) };
      },
    },
  } as unknown as ServedModel;
  const hold = (): void => {
    held = new Promise((resolve) => (release = resolve));
  };
  return {
    model,
    batches,
    hold,
    release: () => {
      release();
    },
  };
}

const serving = { id: 'tiny' } as ServedModel;
const parts = { pacer: new Pacer(1, systemClock), clock: systemClock, log: silentLogger };
const utterance = { id: '1', text: 'send it to my sister' };

function note(mirror: Mirror, count: number, intent: string | null = 'transfer', filter = false): void {
  const outcome: Outcome = { ok: true, answer: answerOf({ intent, outOfScope: intent === null }) };
  const trace = {
    model: serving,
    inferMs: 4,
    batchSize: count,
    batch: { tokens: count },
  } as unknown as Trace;
  const asked = filter ? { ...utterance, intentFilter: intents } : utterance;
  for (let at = 0; at < count; at++) mirror.note(asked, outcome, trace);
}

it('copies answered requests in the batches that they ran in, and compares the answers', async () => {
  const { model, batches } = trial();
  const mirror = new Mirror(serving, model, parts);
  note(mirror, 3);
  note(mirror, 2, null);
  expect(batches).toEqual([]);
  await until(() => mirror.comparison.trial.asked === 5);
  expect(batches).toEqual([3, 2]);
  expect(mirror.comparison.agreement).toBeCloseTo(3 / 5);
  expect(mirror.comparison.serving.outOfScopeShare).toBeCloseTo(2 / 5);
  expect(mirror.comparison.serving.percentileMs(50)).toBeCloseTo(4 / 3);
});

it('drops what comes while too much waits, and counts it', async () => {
  const { model, batches, hold, release } = trial();
  const mirror = new Mirror(serving, model, parts);
  hold();
  for (let batch = 0; batch < 20; batch++) note(mirror, 8);
  await until(() => batches.length === 1);
  expect(mirror.dropped).toBeGreaterThan(0);
  release();
  await until(() => mirror.comparison.trial.asked + mirror.dropped === 160);
  expect(mirror.comparison.trial.asked).toBeLessThanOrEqual(72);
});

it('passes over requests under an intent filter, other models and failures, and takes nothing after its end', async () => {
  const { model, batches } = trial();
  const mirror = new Mirror(serving, model, parts);
  note(mirror, 2, 'transfer', true);
  const trace = { model: {}, inferMs: 1, batchSize: 1, batch: { tokens: 1 } } as unknown as Trace;
  mirror.note(utterance, { ok: true, answer: answerOf() }, trace);
  mirror.note(utterance, { ok: false, error: { code: 'unavailable', message: '' } }, trace);
  note(mirror, 1);
  await until(() => mirror.comparison.trial.asked === 1);
  mirror.end();
  note(mirror, 4);
  await new Promise((resolve) => setImmediate(resolve));
  expect(batches).toEqual([1]);
});
