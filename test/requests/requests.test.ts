import { describe, expect, it } from 'vitest';
import { silentLogger, systemClock, type Clock, type Outcome } from '../../src/base/index.js';
import { createRules } from '../../src/decision/index.js';
import type { Inference, TokenBatch } from '../../src/engine/index.js';
import { Pending } from '../../src/requests/pending.js';
import { Requests, type RequestsOptions, type ServedModel, type Trace } from '../../src/requests/index.js';
import { answerOf } from '../support/answers.js';
import { until } from '../support/until.js';

const options: RequestsOptions = { deadlineMs: 200, maxDeadlineMs: 1000, queue: 8, maxBatch: 4 };
const rules = createRules(
  ['even', 'odd'],
  { background: 0 },
  { temperature: 1, outOfScope: { score: 'maxProbability', threshold: 0.1 }, ambiguityMargin: 0 },
);

/** An engine that says whether an utterance's first token is even, after `ms`. */
class ParityEngine {
  readonly batches: TokenBatch[] = [];
  running = 0;
  mostRunning = 0;
  fails = false;
  /** What it waits for, in place of a time. */
  held: Promise<void> | undefined;
  readonly info = {
    kind: 'parity',
    version: '1',
    precision: 'fp32' as const,
    form: 'plain',
    encoder: '',
    hidden: 1,
  };

  constructor(public ms: number) {}

  async infer(batch: TokenBatch): Promise<Inference> {
    this.batches.push(batch);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await (this.held ?? new Promise((resolve) => setTimeout(resolve, this.ms)));
    this.running -= 1;
    if (this.fails) throw new Error('broken');
    const logits = new Float32Array(batch.size * 2);
    for (let row = 0; row < batch.size; row++) {
      logits[row * 2 + (batch.ids[row * batch.sequence]! % 2)] = 5;
    }
    return { logits, embeddings: new Float32Array(batch.size) };
  }
}

function modelOf(engine: ParityEngine, id = 'parity'): ServedModel {
  return {
    id,
    version: '1.0.0',
    head: id,
    engine,
    rules,
    tokenizer: {
      positions: 64,
      encode: (text) => ({ ids: Int32Array.from(text.split(' '), Number), truncated: false }),
    },
  };
}

function room(engine: ParityEngine, more: Partial<RequestsOptions> = {}, clock: Clock = systemClock) {
  const requests = new Requests({ ...options, ...more }, clock, silentLogger);
  const model = modelOf(engine);
  requests.serve({ byId: new Map([['parity', model]]), default: model });
  const ask = (
    text: string,
    extra: { deadlineMs?: number; model?: string; intentFilter?: string[] } = {},
    sender = 's',
  ) =>
    new Promise<{ outcome: Outcome; trace: Trace }>((resolve) => {
      requests.submit({ id: text, text, ...extra }, sender, (outcome, trace) => {
        resolve({ outcome, trace });
      });
    });
  return { requests, ask };
}

function codeOf(outcome: Outcome): string {
  return outcome.ok ? (outcome.answer.intent ?? 'none') : outcome.error.code;
}

describe('requests', () => {
  it('are answered with the intent, the model and where the time went', async () => {
    const { outcome, trace } = await room(new ParityEngine(10)).ask('3 4 5');
    expect(outcome).toMatchObject({
      ok: true,
      answer: { intent: 'odd', model: { id: 'parity', version: '1.0.0' } },
    });
    expect(trace).toMatchObject({ tokens: 3, batchSize: 1 });
    expect(trace.inferMs).toBeGreaterThan(8);
    expect(trace.totalMs).toBeGreaterThanOrEqual(trace.inferMs);
  });

  it('that wait go together, by length, one batch at a time, each row to its own sender', async () => {
    const engine = new ParityEngine(5);
    const { ask } = room(engine);
    const long = Array.from({ length: 20 }, () => '1').join(' ');
    const answers = await Promise.all(['1', '2', long, '3', '4', '5'].map((text) => ask(text)));
    expect(answers.map(({ outcome }) => codeOf(outcome))).toEqual([
      'odd',
      'even',
      'odd',
      'odd',
      'even',
      'odd',
    ]);
    expect(engine.batches.map(({ size, sequence }) => [size, sequence])).toEqual([
      [4, 1],
      [1, 20],
      [1, 1],
    ]);
    expect(engine.mostRunning).toBe(1);
  });

  it('that fill a batch are handed over while the engine works on the one before, and no more of them', async () => {
    const engine = new ParityEngine(20);
    const { ask } = room(engine, { queue: 16, deadlineMs: 1000 });
    await ask('0');
    engine.ms = 3;
    for (let batches = 0; batches < 20; batches++) await ask('0');
    const answers = await Promise.all(Array.from({ length: 14 }, (_, at) => ask(String(at))));
    expect(answers.map(({ outcome }) => codeOf(outcome))).toEqual(
      Array.from({ length: 14 }, (_, at) => (at % 2 === 0 ? 'even' : 'odd')),
    );
    expect(engine.batches.slice(-4).map(({ size }) => size)).toEqual([4, 4, 4, 2]);
    expect(engine.mostRunning).toBe(2);
  });

  it('that find the queue full are refused at once', async () => {
    const { ask } = room(new ParityEngine(50), { queue: 2, maxBatch: 1, deadlineMs: 1000 });
    const started = performance.now();
    const all = Array.from({ length: 6 }, (_, i) => ask(String(i)));
    const refusals = (await Promise.all(all.slice(2))).map(({ outcome }) => codeOf(outcome));
    expect(refusals).toEqual(['overloaded', 'overloaded', 'overloaded', 'overloaded']);
    expect(performance.now() - started).toBeLessThan(40);
    await Promise.all(all);
  });

  it('that could not be answered in time are refused at once', async () => {
    const { ask } = room(new ParityEngine(40), { maxBatch: 1 });
    await ask('1');
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(String(i))));
    const late = outcomes.filter(({ outcome }) => codeOf(outcome) === 'overloaded');
    expect(late.length).toBeGreaterThanOrEqual(3);
    for (const { trace } of late) expect(trace.totalMs).toBeLessThan(20);
    for (const { trace } of outcomes) expect(trace.totalMs).toBeLessThan(200);
  });

  it('end by their deadline even while the engine hangs, and only once', async () => {
    const { ask } = room(new ParityEngine(300));
    const { outcome, trace } = await ask('1', { deadlineMs: 50 });
    expect(codeOf(outcome)).toBe('deadline_exceeded');
    expect(trace.totalMs).toBeLessThanOrEqual(50);
    expect(trace.totalMs).toBeGreaterThan(30);
  });

  it('whose answer is late are told so instead, to the millisecond', () => {
    const settledAt = (now: number) => {
      const outcomes: Outcome[] = [];
      const model = modelOf(new ParityEngine(1));
      const ids = Int32Array.of(1);
      const done = (outcome: Outcome) => outcomes.push(outcome);
      const pending = new Pending({ id: '1', text: '1' }, 's', model, ids, false, 16, 0, 0, 80, done);
      pending.settle({ ok: true, answer: answerOf({ intent: 'odd' }) }, now);
      return outcomes.map(codeOf);
    };
    expect([settledAt(80), settledAt(80.1)]).toEqual([['odd'], ['deadline_exceeded']]);
  });

  it('that would come back late are refused before the engine works for them', async () => {
    let now = 0;
    const engine = new ParityEngine(0);
    const { ask } = room(engine, { maxBatch: 2 }, { now: () => now, wall: Date.now });
    const inferring = async (ms: number, meanwhile: () => void = () => undefined): Promise<void> => {
      const asked = engine.batches.length;
      let finish: () => void = () => undefined;
      engine.held = new Promise((resolve) => (finish = resolve));
      const answered = ask('1');
      await until(() => engine.batches.length > asked);
      meanwhile();
      now += ms;
      engine.held = undefined;
      finish();
      await answered;
    };
    await inferring(1);
    let [hurried, patient]: Promise<{ outcome: Outcome }>[] = [];
    // From 1 ms and 60 ms two more are thought to take 14 ms; the hurried one then has 4 left.
    await inferring(60, () => ([hurried, patient] = [ask('3', { deadlineMs: 96 }), ask('5')]));
    expect([codeOf((await hurried!).outcome), codeOf((await patient!).outcome)]).toEqual([
      'deadline_exceeded',
      'odd',
    ]);
    expect(engine.batches.map(({ size }) => size)).toEqual([1, 1, 1]);
  });

  it('fail clearly when the engine does, and the next are served', async () => {
    const engine = new ParityEngine(1);
    const { ask } = room(engine);
    engine.fails = true;
    expect(codeOf((await ask('1')).outcome)).toBe('unavailable');
    engine.fails = false;
    expect(codeOf((await ask('1')).outcome)).toBe('odd');
  });

  it('of an unknown model or intent are refused', async () => {
    const { ask } = room(new ParityEngine(1));
    expect((await ask('1', { model: 'other' })).outcome).toMatchObject({ error: { code: 'bad_request' } });
    expect((await ask('1', { intentFilter: ['prime'] })).outcome).toMatchObject({
      error: { code: 'bad_request' },
    });
  });

  it('are answered while the room drains, and refused after', async () => {
    const { requests, ask } = room(new ParityEngine(20));
    const asked = ask('1');
    const drained = requests.drain(1000);
    expect(codeOf((await ask('2')).outcome)).toBe('unavailable');
    await drained;
    expect(codeOf((await asked).outcome)).toBe('odd');
  });

  it('that are left after the drain are refused', async () => {
    const { requests, ask } = room(new ParityEngine(500), { deadlineMs: 1000 });
    const asked = ask('1');
    await requests.drain(50);
    expect(codeOf((await asked).outcome)).toBe('unavailable');
  });
});
