import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { EngineSlot, WorkerProcess, isolation, type SlotOptions } from '../../src/engine/index.js';
import { built } from '../support/built.js';
import { until } from '../support/until.js';

const script = join(import.meta.dirname, '../support/oddWorker.mjs');
const batch = { size: 2, sequence: 3, lengths: Int32Array.of(3, 1), ids: Int32Array.of(1, 2, 3, 4, 0, 0) };
const open: EngineSlot[] = [];

beforeAll(async () => {
  await built();
}, 120_000);

afterEach(async () => {
  for (const slot of open.splice(0)) await slot.close();
});

function launch(hangMs = 5000): Promise<WorkerProcess> {
  const command = [process.execPath, script];
  return WorkerProcess.start({ command, startMs: 10_000, hangMs }, silentLogger);
}

async function slot(more: Partial<SlotOptions> & { hangMs?: number } = {}): Promise<EngineSlot> {
  const made = new EngineSlot(
    { launch: () => launch(more.hangMs), heartbeatMs: 100, ...more },
    systemClock,
    silentLogger,
  );
  await made.start();
  const output = { weight: new Float32Array(25_000), bias: new Float32Array(5) };
  await made.loadHead('sum', { output, intents: 5, background: 0 });
  open.push(made);
  return made;
}

function pidAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const sums = { logits: Float32Array.of(6, 4), embeddings: Float32Array.of(3, 1) };

describe('the engine worker', () => {
  it('answers batches over its socket', async () => {
    const engine = await slot();
    expect(await engine.infer(batch, 'sum')).toMatchObject(sums);
    expect(await engine.embed(batch)).toEqual(Float32Array.of(3, 1));
  });

  it('says what is wrong with a call, and serves on', async () => {
    const engine = await slot();
    await expect(engine.infer(batch, 'fail')).rejects.toThrow('no such thing');
    await engine.dropHead('sum');
    await expect(engine.infer(batch, 'sum')).rejects.toThrow('no head sum');
    expect(engine.restarts).toBe(0);
  });

  it.skipIf(isolation() === 'none')('reaches no network', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const engine = await slot();
    expect((await engine.infer(batch, `reach:${port}`)).logits).toEqual(Float32Array.of(0, 0));
    server.close();
  });

  it('reports its memory with its signs of life', async () => {
    const engine = await slot();
    await until(() => engine.residentKib > 10_000);
  });

  it('that is not wanted any more ends before it is ready', async () => {
    const stopping = new AbortController();
    const command = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
    const options = { command, startMs: 60_000, hangMs: 1000 };
    const starting = WorkerProcess.start(options, silentLogger, stopping.signal);
    stopping.abort();
    await expect(starting).rejects.toMatchObject({ code: 'worker_gone' });
  });

  it('ends with its daemon', async () => {
    const engine = await slot();
    const pid = engine.pid;
    await engine.close();
    expect(pidAlive(pid)).toBe(false);
  });
});

describe('fault 10: a worker killed with a request in flight', () => {
  it('is replaced, with its heads, and the request is answered by the next one', async () => {
    const engine = await slot();
    const { pid } = engine;
    const asked = engine.infer(batch, 'sum');
    process.kill(pid, 'SIGKILL');
    expect(await asked).toMatchObject(sums);
    expect(engine.restarts).toBe(1);
    expect(engine.pid).not.toBe(pid);
  });

  it('by the request itself is an error after one retry, and the others are served', async () => {
    const engine = await slot();
    await expect(engine.infer(batch, 'die')).rejects.toMatchObject({ code: 'worker_gone' });
    expect(engine.restarts).toBe(2);
    expect(await engine.infer(batch, 'sum')).toMatchObject(sums);
  });

  it('three times in five minutes is told', async () => {
    const health: string[] = [];
    const engine = await slot({ onHealth: (now) => health.push(now) });
    for (let kill = 0; kill < 3; kill++) {
      process.kill(engine.pid, 'SIGKILL');
      while (engine.restarts < kill + 1) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await engine.infer(batch, 'sum')).toMatchObject(sums);
    }
    expect(health).toEqual(['failing']);
  });
});

describe('fault 26: a worker whose place another takes while it has a request', () => {
  /** A worker that does not come to its request, beside one that serves in its place. */
  async function replaced(): Promise<{
    engine: EngineSlot;
    old: number;
    asked: ReturnType<EngineSlot['infer']>;
  }> {
    const engine = await slot();
    const old = engine.pid;
    process.kill(old, 'SIGSTOP');
    const asked = engine.infer(batch, 'sum');
    await engine.swap(() => launch());
    expect(engine.pid).not.toBe(old);
    expect(await engine.infer(batch, 'sum')).toMatchObject(sums);
    return { engine, old, asked };
  }

  it('is waited for, for longer than it has to end once it is asked to', async () => {
    const { engine, old, asked } = await replaced();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(pidAlive(old)).toBe(true);
    process.kill(old, 'SIGCONT');
    expect(await asked).toMatchObject(sums);
    while (pidAlive(old)) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(engine.restarts).toBe(0);
  });

  it('and that dies of it has its request answered by the one that serves', async () => {
    const { old, asked } = await replaced();
    process.kill(old, 'SIGKILL');
    expect(await asked).toMatchObject(sums);
  });
});

describe('fault 11: a worker that', () => {
  it('hangs in an inference is killed and replaced', async () => {
    const engine = await slot({ hangMs: 300 });
    await expect(engine.infer(batch, 'hang')).rejects.toThrow('did not answer within 300 ms');
    expect(await engine.infer(batch, 'sum')).toMatchObject(sums);
  });

  it('is stopped while nothing is asked of it is noticed by its heartbeat', async () => {
    const engine = await slot({ hangMs: 300 });
    const { pid } = engine;
    process.kill(pid, 'SIGSTOP');
    while (engine.restarts === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await engine.infer(batch, 'sum')).toMatchObject(sums);
    expect(pidAlive(pid)).toBe(false);
  });

  it.each(['garbage', 'uneven'])('answers with nonsense (%s) is killed and replaced', async (head) => {
    const engine = await slot();
    await expect(engine.infer(batch, head)).rejects.toMatchObject({
      code: 'worker_gone',
      // At once, and not when its time is up.
      message: expect.not.stringContaining('did not answer') as string,
    });
    expect(await engine.infer(batch, 'sum')).toMatchObject(sums);
  });
});
