import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { EngineSlot, WorkerProcess, type Engine, type Launch } from '../../src/engine/index.js';
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
  engine = new EngineSlot(
    {
      launch: launching('cpu'),
      heartbeatMs: 50,
      retryMs: 300,
      onHealth: (now) => health.push(now),
      onServing: ({ kind }) => served.push(kind),
    },
    systemClock,
    silentLogger,
  );
});

afterEach(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

/** Workers of the kind; those that may fail do so while the fault's file is there. */
function launching(kind: string, mayFail = false): Launch {
  const command = [process.execPath, script, kind, ...(mayFail ? [fault] : [])];
  return (signal) => WorkerProcess.start({ command, startMs: 10_000, hangMs: 5000 }, silentLogger, signal);
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000 && !condition(); tries++) await new Promise((r) => setTimeout(r, 5));
  expect(condition()).toBe(true);
}

/** Asks without pause until `stop` is called; gives how many were answered. */
function asking() {
  let [on, answered] = [true, 0];
  const done = (async () => {
    while (on) {
      expect(await engine.infer(batch, 'h')).toMatchObject(answer);
      answered += 1;
    }
  })();
  return async () => {
    on = false;
    await done;
    return answered;
  };
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
    expect(await stop()).toBeGreaterThan(0);
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
    await engine.start(launching('gpu', true));
    await engine.loadHead('h', head);
    writeFileSync(fault, 'infer');
    // Each asks twice, as every request does.
    await expect(engine.infer(batch, 'h')).rejects.toMatchObject({ code: 'worker_gone' });
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('cpu');
    expect(engine.failing).toBe(true);
    expect(health).toEqual(['failing']);
    expect(engine.restarts).toBe(3);
  });

  it('is tried again after a pause, and serves again when it is well', async () => {
    await engine.start(launching('gpu', true));
    await engine.loadHead('h', head);
    writeFileSync(fault, 'infer');
    await expect(engine.infer(batch, 'h')).rejects.toMatchObject({ code: 'worker_gone' });
    await engine.infer(batch, 'h');
    rmSync(fault);
    const stop = asking();
    await until(() => engine.info.kind === 'gpu');
    expect(await stop()).toBeGreaterThan(0);
    expect(served).toEqual(['cpu', 'gpu']);
  });

  it('that fails again right after it was tried again gives way at once', async () => {
    await engine.start(launching('gpu', true));
    await engine.loadHead('h', head);
    writeFileSync(fault, 'infer');
    await expect(engine.infer(batch, 'h')).rejects.toMatchObject({ code: 'worker_gone' });
    await engine.infer(batch, 'h');
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('cpu');
    expect(engine.restarts).toBe(4);
  });

  it('that cannot be loaded for want of memory leaves the CPU engine to serve, degraded, and comes back', async () => {
    writeFileSync(fault, 'load');
    await engine.start(launching('gpu', true));
    await engine.loadHead('h', head);
    expect(engine.info.kind).toBe('cpu');
    expect(health).toEqual(['failing']);
    rmSync(fault);
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
