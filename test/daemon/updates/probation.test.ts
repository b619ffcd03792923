import { describe, expect, it } from 'vitest';
import { systemClock, type Outcome } from '../../../src/base/index.js';
import type { LoadedModel } from '../../../src/daemon/engines.js';
import { Conduct } from '../../../src/daemon/updates/conduct.js';
import { watch } from '../../../src/daemon/updates/probation.js';
import type { Sample } from '../../../src/daemon/updates/sample.js';
import type { ServedModel, Trace } from '../../../src/requests/index.js';
import { answerOf } from '../../support/answers.js';
import { failedOf } from '../../support/hostedAgent.js';

const bounds = { seconds: 60, minRequests: 50, errors: 0.05, p99Ratio: 3, outOfScope: 0.2, crashes: 0 };
const never = new AbortController().signal;

interface Did {
  readonly count: number;
  readonly ms?: number;
  readonly outOfScope?: boolean;
  readonly error?: 'unavailable' | 'overloaded' | 'bad_request';
}

/** A model that did this with real requests, and a slot of which the test says when it loses its worker. */
class Probationer {
  readonly conduct = new Conduct();
  readonly served = {} as ServedModel;
  readonly slot = { restarts: 0, onLost: (tell: () => void) => this.#listen(tell) };
  #lost: () => void = () => undefined;
  diverted = 0;

  did(...all: readonly Did[]): this {
    for (const did of all) note(this.conduct, this.served, did);
    return this;
  }

  crash(): void {
    this.slot.restarts += 1;
    this.#lost();
  }

  async watch(before?: Sample, changes: Partial<typeof bounds> = {}, signal = never) {
    const model = { served: this.served, slot: this.slot } as unknown as LoadedModel;
    const parts = { bounds: { ...bounds, ...changes }, conduct: this.conduct, clock: systemClock };
    return watch({ model, before, restarts: 0 }, parts, () => (this.diverted += 1), signal);
  }

  #listen(tell: () => void): () => void {
    this.#lost = tell;
    return () => (this.#lost = () => undefined);
  }
}

function note(conduct: Conduct, model: ServedModel, { count, ms = 1, outOfScope = false, error }: Did): void {
  const outcome: Outcome =
    error === undefined
      ? { ok: true, answer: answerOf({ outOfScope, intent: outOfScope ? null : 'transfer' }) }
      : { ok: false, error: { code: error, message: '' } };
  const trace = { model, inferMs: ms * 4, batchSize: 4 } as unknown as Trace;
  for (let at = 0; at < count; at++) conduct.note(outcome, trace);
}

function before(...all: readonly Did[]): Sample {
  const conduct = new Conduct();
  const model = {} as ServedModel;
  for (const did of all) note(conduct, model, did);
  return conduct.of(model);
}

describe('a model in its probation', () => {
  it('passes when its time is up and it did as well as the one before', async () => {
    const figures = await new Probationer()
      .did({ count: 300 })
      .watch(before({ count: 300 }), { seconds: 0.05 });
    expect(failedOf(figures)).toEqual([]);
    expect(figures.map(({ gate }) => gate)).toEqual(['crashes', 'errors', 'latency', 'outOfScope']);
  });

  it.each<[string, string, Did[], Did[]]>([
    ['errors', 'more requests fail', [{ count: 200 }], [{ count: 180 }, { count: 20, error: 'unavailable' }]],
    [
      'latency',
      'utterances keep the engine longer at p99',
      [{ count: 300 }],
      [{ count: 280 }, { count: 20, ms: 9 }],
    ],
    [
      'outOfScope',
      'more is out of scope',
      [{ count: 200 }],
      [{ count: 140 }, { count: 60, outOfScope: true }],
    ],
  ])('fails at once by its %s where %s than before', async (gate, _, was, now) => {
    expect(failedOf(await new Probationer().did(...now).watch(before(...was)))).toEqual([gate]);
  });

  it.each<[string, Did[], Did[]]>([
    [
      'what failed before fails still',
      [{ count: 100 }, { count: 100, error: 'unavailable' }],
      [{ count: 100 }, { count: 100, error: 'unavailable' }],
    ],
    [
      'senders ask wrongly or too much',
      [{ count: 100 }],
      [{ count: 60 }, { count: 60, error: 'bad_request' }, { count: 60, error: 'overloaded' }],
    ],
    [
      'a handful of requests do badly',
      [{ count: 200 }],
      [
        { count: 10, error: 'unavailable' },
        { count: 10, outOfScope: true, ms: 99 },
      ],
    ],
    ['a few of not many are slow', [{ count: 300 }], [{ count: 95 }, { count: 5, ms: 99 }]],
  ])('passes where %s', async (_, was, now) => {
    const figures = await new Probationer().did(...now).watch(before(...was), { seconds: 0.05 });
    expect(failedOf(figures)).toEqual([]);
  });

  it('is diverted from and fails at the first crash, and not before it ends where one is put up with', async () => {
    const probationer = new Probationer();
    const watching = probationer.watch(undefined);
    probationer.crash();
    expect(probationer.diverted).toBe(1);
    expect(failedOf(await watching)).toEqual(['crashes']);
    const patient = new Probationer();
    const passing = patient.watch(undefined, { crashes: 1, seconds: 0.05 });
    patient.crash();
    expect(failedOf(await passing)).toEqual([]);
    expect(patient.diverted).toBe(0);
  });

  it('is not watched any more when the agent stops', async () => {
    const stopping = new AbortController();
    const watching = new Probationer().watch(undefined, {}, stopping.signal);
    stopping.abort(new Error('stopping'));
    await expect(watching).rejects.toThrow('stopping');
  });
});
