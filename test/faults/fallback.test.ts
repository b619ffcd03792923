import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import {
  EngineSlot,
  WorkerProcess,
  type Engine,
  type Launch,
  type SlotOptions,
} from '../../src/engine/index.js';
import { built } from '../support/built.js';

const script = join(import.meta.dirname, '../support/faultyWorker.mjs');
const batch = { size: 2, sequence: 3, lengths: Int32Array.of(3, 1), ids: Int32Array.of(1, 2, 3, 4, 0, 0) };
const answer = { logits: Float32Array.of(3, 1), embeddings: Float32Array.of(3, 1) };
const head = {
  output: { weight: new Float32Array(1), bias: new Float32Array(1) },
  intents: 1,
  background: 0,
};
let folder: string;
let fault: string;
let health: string[];
let served: string[];
let engine: EngineSlot;

beforeAll(async () => {
  await built();
}, 120_000);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'intentd-fallback-'));
  fault = join(folder, 'fault');
  [health, served] = [[], []];
  engine = slotWith({});
});

afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

function slotWith(more: Partial<SlotOptions>): EngineSlot {
  return new EngineSlot(
    {
      launch: launching('cpu'),
      heartbeatMs: 50,
      retryMs: 300,
      onHealth: (now) => health.push(now),
      onServing: ({ kind }) => served.push(kind),
      ...more,
    },
    systemClock,
    silentLogger,
  );
}

/** Workers of the kind; those that may fail do so while the fault's file is there. */
function launching(kind: string, { mayFail = false, startMs = 0 } = {}): Launch {
  const command = [process.execPath, script, kind, mayFail ? fault : '', String(startMs)];
  return (signal) => WorkerProcess.start({ command, startMs: 10_000, hangMs: 5000 }, silentLogger, signal);
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000 && !condition(); tries++) await new Promise((r) => setTimeout(r, 5));
  expect(condition()).toBe(true);
}

/** Asks without pause until `stop` is called; gives how many were answered, and the slowest one's milliseconds. */
function asking() {
  let [on, answered, slowestMs] = [true, 0, 0];
  const done = (async () => {
    while (on) {
      const began = performance.now();
      expect(await engine.infer(batch, 'h')).toMatchObject(answer);
      slowestMs = Math.max(slowestMs, performance.now() - began);
      answered += 1;
    }
  })();
  return async () => {
    on = false;
    await done;
    return { answered, slowestMs };
  };
}

/** Asks until the preferred engine failed too often: each request is answered, or met two workers that died. */
async function askUntilFailing(): Promise<void> {
  while (!engine.failing) {
    const asked = await engine.infer(batch, 'h').catch((error: unknown) => error);
    if (asked instanceof Error) expect(asked).toMatchObject({ code: 'worker_gone' });
    else expect(asked).toMatchObject(answer);
  }
}

describe('a preferred engine', () => {
  it('takes the traffic over without losing a request, and the old worker ends', async () => {
    await engine.start();
    await engine.loadHead('h', head);
    const { pid } = engine;
    const stop = asking();
    await engine.swap(launching('gpu'));
    expect(engine.info.kind).toBe('gpu');
    await until(() => !isAlive(pid));
    expect((await stop()).answered).toBeGreaterThan(0);
    expect(engine.restarts).toBe(0);
    expect(served).toEqual(['gpu']);
  });

  it('that the check refuses never serves, and its worker ends', async () => {
    await engine.start();
    await engine.loadHead('h', head);
    let refused: Engine | undefined;
    const check = async (next: Engine) => {
      refused = next;
      expect(await next.infer(batch, 'h')).toMatchObject(answer);
      throw new Error('it answers otherwise');
    };
    await expect(engine.swap(launching('gpu'), check)).rejects.toThrow('it answers otherwise');
    expect(engine.info.kind).toBe('cpu');
    await until(() => !isAlive((refused as WorkerProcess).pid));
  });

  it('has the heads that came and went while it started', async () => {
    await engine.start();
    await engine.loadHead('h', head);
    await engine.swap(launching('gpu'), async () => {
      await engine.loadHead('late', head);
      await engine.dropHead('h');
    });
    expect(await engine.infer(batch, 'late')).toMatchObject(answer);
    await expect(engine.infer(batch, 'h')).rejects.toThrow('no head h');
  });

  it('serves from the start where it is given at the start', async () => {
    await engine.start(launching('gpu'));
    expect(engine.info.kind).toBe('gpu');
  });
});

describe('fault 12: a preferred engine', () => {
  it('whose worker dies at every inference is replaced; after the third time the CPU engine serves, degraded', async () => {
    await engine.start(launching('gpu', { mayFail: true }));
    await engine.loadHead('h', head);
    writeFileSync(fault, 'infer');
    await askUntilFailing();
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('cpu');
    expect(engine.failing).toBe(true);
    expect(health).toEqual(['failing']);
    expect(engine.restarts).toBe(3);
  });

  it('is tried again after a pause, and serves again when it is well', async () => {
    await engine.start(launching('gpu', { mayFail: true }));
    await engine.loadHead('h', head);
    writeFileSync(fault, 'infer');
    await askUntilFailing();
    await until(() => engine.info.kind === 'cpu');
    rmSync(fault);
    const stop = asking();
    await until(() => engine.info.kind === 'gpu');
    expect((await stop()).answered).toBeGreaterThan(0);
    expect(served.slice(-2)).toEqual(['cpu', 'gpu']);
  });

  it('that fails again right after it was tried again gives way at once', async () => {
    await engine.start(launching('gpu', { mayFail: true }));
    await engine.loadHead('h', head);
    writeFileSync(fault, 'infer');
    await askUntilFailing();
    await until(() => engine.info.kind === 'cpu');
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('cpu');
    expect(engine.restarts).toBe(4);
  });

  it('that cannot be loaded for want of memory leaves the CPU engine to serve, degraded, and comes back', async () => {
    writeFileSync(fault, 'load');
    await engine.start(launching('gpu', { mayFail: true }));
    await engine.loadHead('h', head);
    expect(engine.info.kind).toBe('cpu');
    expect(health).toEqual(['failing']);
    rmSync(fault);
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
  });
});

describe('fault 10: a preferred engine whose worker is killed', () => {
  const slowMs = 1500;

  it('has the gap carried by the CPU engine, and takes over when its next worker is ready', async () => {
    await engine.start(launching('gpu', { startMs: slowMs }));
    await engine.loadHead('h', head);
    const stop = asking();
    process.kill(engine.pid, 'SIGKILL');
    await until(() => served.length > 0);
    const carrying = engine.pid;
    await until(() => engine.info.kind === 'gpu');
    await until(() => !isAlive(carrying));
    // Before the next worker could be ready: the request that was lost, and those that came in between.
    expect((await stop()).slowestMs).toBeLessThan(slowMs);
    expect(served).toEqual(['cpu', 'gpu']);
    expect(engine.restarts).toBe(1);
    expect(health).toEqual([]);
  });

  it('waits for its next worker where memory holds one engine alone', async () => {
    engine = slotWith({ hasRoom: () => false });
    await engine.start(launching('gpu', { startMs: 300 }));
    await engine.loadHead('h', head);
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('gpu');
    expect(served).toEqual([]);
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
    engine = slotWith({ launch });
    await engine.start(launching('gpu'));
    await engine.loadHead('h', head);
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('gpu');
    expect(launched).toHaveLength(1);
    await expect(launched[0]).rejects.toMatchObject({ code: 'worker_gone' });
    expect(served).toEqual([]);
  });

  it('has the gap carried on when the worker that carries it is killed, too', async () => {
    // Asked once: what carried the gap had its room.
    let asked = 0;
    engine = slotWith({ hasRoom: () => asked++ === 0 });
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
    engine = slotWith({ hasRoom: () => false });
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
    engine = slotWith({ check });
    await engine.start(launching('gpu', { startMs: 300 }));
    await engine.loadHead('h', head);
    process.kill(engine.pid, 'SIGKILL');
    await until(() => engine.failing);
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(served).toEqual(['cpu']);
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
});

describe('an engine that is always there', () => {
  it('serves at once, and the preferred one takes over when it is ready', async () => {
    await engine.start(launching('gpu', { startMs: 500 }), true);
    expect(engine.info.kind).toBe('cpu');
    await engine.loadHead('h', head);
    const stop = asking();
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
    engine = slotWith({ isFinal: () => true });
    await engine.start(preferred);
    expect(engine.info.kind).toBe('cpu');
    process.kill(engine.pid, 'SIGKILL');
    expect(await engine.embed(batch)).toEqual(Float32Array.of(3, 1));
    expect(tried).toBe(1);
    expect(health).toEqual([]);
  });

  it('whose start fails, and the preferred one as well, is told why', async () => {
    const failing = (why: string): Launch => {
      return () => Promise.reject(new Error(why));
    };
    engine = slotWith({ launch: failing('it cannot be read') });
    await expect(engine.start(failing('nor can this'), true)).rejects.toThrow('it cannot be read');
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
