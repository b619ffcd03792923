import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Engine, type EngineSlot, type WorkerProcess } from '../../src/engine/index.js';
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

let slot: SlotOfTwoEngines;
let engine: EngineSlot;

beforeAll(async () => {
  await built();
}, 120_000);

beforeEach(() => {
  slot = new SlotOfTwoEngines();
  engine = slot.engine;
});

afterEach(() => slot.close());

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
    const stop = slot.asking();
    await engine.swap(launching('gpu'));
    expect(engine.info.kind).toBe('gpu');
    await until(() => !isAlive(pid));
    expect((await stop()).answered).toBeGreaterThan(0);
    expect(engine.restarts).toBe(0);
    expect(slot.served).toEqual(['gpu']);
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
    await engine.start(slot.failing('gpu'));
    await engine.loadHead('h', head);
    writeFileSync(slot.fault, 'infer');
    await askUntilFailing();
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('cpu');
    expect(engine.failing).toBe(true);
    expect(slot.health).toEqual(['failing']);
    expect(engine.restarts).toBe(3);
  });

  it('is tried again after a pause, and serves again when it is well', async () => {
    await engine.start(slot.failing('gpu'));
    await engine.loadHead('h', head);
    writeFileSync(slot.fault, 'infer');
    await askUntilFailing();
    await until(() => engine.info.kind === 'cpu');
    rmSync(slot.fault);
    const stop = slot.asking();
    await until(() => engine.info.kind === 'gpu');
    expect((await stop()).answered).toBeGreaterThan(0);
    expect(slot.served.slice(-2)).toEqual(['cpu', 'gpu']);
  });

  it('that fails again right after it was tried again gives way at once', async () => {
    await engine.start(slot.failing('gpu'));
    await engine.loadHead('h', head);
    writeFileSync(slot.fault, 'infer');
    await askUntilFailing();
    await until(() => engine.info.kind === 'cpu');
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
    expect(engine.info.kind).toBe('cpu');
    expect(engine.restarts).toBe(4);
  });

  it('that cannot be loaded for want of memory leaves the CPU engine to serve, degraded, and comes back', async () => {
    writeFileSync(slot.fault, 'load');
    await engine.start(slot.failing('gpu'));
    await engine.loadHead('h', head);
    expect(engine.info.kind).toBe('cpu');
    expect(slot.health).toEqual(['failing']);
    rmSync(slot.fault);
    await until(() => engine.info.kind === 'gpu');
    expect(await engine.infer(batch, 'h')).toMatchObject(answer);
  });
});
