import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type EngineSlot,
  type Launch,
  type SlotOptions,
  type WorkerProcess,
} from '../../src/engine/index.js';
import { built } from '../support/built.js';
import {
  SlotOfTwoEngines,
  answer,
  batch,
  head,
  isAlive,
  launching,
  until,
} from '../support/slotOfTwoEngines.js';

const made: SlotOfTwoEngines[] = [];
let slot: SlotOfTwoEngines;
let engine: EngineSlot;

beforeAll(async () => {
  await built();
}, 120_000);

beforeEach(() => {
  use({});
});

afterEach(async () => {
  for (const one of made.splice(0)) await one.close();
});

function use(options: Partial<SlotOptions>): void {
  slot = new SlotOfTwoEngines(options);
  engine = slot.engine;
  made.push(slot);
}

describe('fault 10: a preferred engine whose worker is killed', () => {
  const slowMs = 1500;

  it('has the gap carried by the CPU engine, and takes over when its next worker is ready', async () => {
    await engine.start(launching('gpu', { startMs: slowMs }));
    await engine.loadHead('h', head);
    const stop = slot.asking();
    process.kill(engine.pid, 'SIGKILL');
    await until(() => slot.served.length > 0);
    const carrying = engine.pid;
    await until(() => engine.info.kind === 'gpu');
    await until(() => !isAlive(carrying));
    // Before the next worker could be ready: the request that was lost, and those that came in between.
    expect((await stop()).slowestMs).toBeLessThan(slowMs);
    expect(slot.served).toEqual(['cpu', 'gpu']);
    expect(engine.restarts).toBe(1);
    expect(slot.health).toEqual([]);
  });

  it('waits for its next worker where memory holds one engine alone', async () => {
    use({ hasRoom: () => false });
    await engine.start(launching('gpu', { startMs: 300 }));
    await engine.loadHead('h', head);
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('gpu');
    expect(slot.served).toEqual([]);
  });

  it('needs no CPU engine that is ready later than its next worker, and that one ends', async () => {
    const launched: Promise<WorkerProcess>[] = [];
    const slow = launching('cpu', { startMs: slowMs });
    const launch: Launch = (signal) => {
      const worker = slow(signal);
      worker.catch(() => undefined);
      launched.push(worker);
      return worker;
    };
    use({ launch });
    await engine.start(launching('gpu'));
    await engine.loadHead('h', head);
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('gpu');
    expect(launched).toHaveLength(1);
    await expect(launched[0]).rejects.toMatchObject({ code: 'worker_gone' });
    expect(slot.served).toEqual([]);
  });

  it('has the gap carried on when the worker that carries it is killed, too', async () => {
    // Asked once: what carried the gap had its room.
    let asked = 0;
    use({ hasRoom: () => asked++ === 0 });
    await engine.start(launching('gpu', { startMs: slowMs }));
    await engine.loadHead('h', head);
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('cpu');
    expect(engine.restarts).toBe(2);
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
  });

  it('gives its next worker the heads that came while there was none', async () => {
    use({ hasRoom: () => false });
    await engine.start(launching('gpu', { startMs: 300 }));
    process.kill(engine.pid, 'SIGKILL');
    await until(() => engine.pid === 0);
    await engine.loadHead('h', head);
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('gpu');
  });

  it('gives the CPU engine its heads that came while it was away', async () => {
    await engine.start(launching('gpu', { startMs: slowMs }));
    process.kill(engine.pid, 'SIGKILL');
    await engine.loadHead('h', head);
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
  });

  it('does not come back where it is refused, and the CPU engine goes on', async () => {
    const check = () => Promise.reject(new Error('it answers otherwise'));
    use({ check });
    await engine.start(launching('gpu', { startMs: 300 }));
    await engine.loadHead('h', head);
    process.kill(engine.pid, 'SIGKILL');
    await until(() => engine.failing);
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(slot.served).toEqual(['cpu']);
  });

  it('does not take the place of an engine that was swapped in meanwhile', async () => {
    await engine.start(launching('gpu', { startMs: 500 }));
    process.kill(engine.pid, 'SIGKILL');
    await engine.swap(launching('newer'));
    const { pid } = engine;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(engine.pid).toBe(pid);
    expect(engine.info.kind).toBe('newer');
  });

  it('that waits to be let in does not take the place of an engine that was swapped in meanwhile', async () => {
    let letIn: () => void = () => undefined;
    const isTried = new Promise<void>((tried) => {
      use({
        check: () => {
          tried();
          return new Promise((resolve) => (letIn = resolve));
        },
      });
    });
    await engine.start(launching('gpu', { startMs: 300 }));
    process.kill(engine.pid, 'SIGKILL');
    await isTried;
    await engine.swap(launching('newer'));
    const { pid } = engine;
    letIn();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(engine.pid).toBe(pid);
    expect(engine.info.kind).toBe('newer');
  });
});

describe('an engine that is always there', () => {
  it('serves at once, and the preferred one takes over when it is ready', async () => {
    await engine.start(launching('gpu', { startMs: 500 }), true);
    expect(engine.info.kind).toBe('cpu');
    await engine.loadHead('h', head);
    const stop = slot.asking();
    await until(() => engine.info.kind === 'gpu');
    expect((await stop()).answered).toBeGreaterThan(0);
    expect(engine.restarts).toBe(0);
  });

  it('serves alone where the preferred one fails for good', async () => {
    let tried = 0;
    const preferred: Launch = () => {
      tried += 1;
      return Promise.reject(new Error('there is no GPU'));
    };
    use({ isFinal: () => true });
    await engine.start(preferred);
    expect(engine.info.kind).toBe('cpu');
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.embed(batch)).toEqual(Float32Array.of(3, 1));
    expect(tried).toBe(1);
    expect(slot.health).toEqual([]);
  });

  it('whose start fails, and the preferred one as well, is told why', async () => {
    const failing = (why: string): Launch => {
      return () => Promise.reject(new Error(why));
    };
    use({ launch: failing('it cannot be read') });
    await expect(engine.start(failing('nor can this'), true)).rejects.toThrow('it cannot be read');
  });
});
