import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import { EngineSlot, WorkerProcess, type Launch, type SlotOptions } from '../../src/engine/index.js';

const script = join(import.meta.dirname, 'faultyWorker.mjs');

export const batch = {
  size: 2,
  sequence: 3,
  lengths: Int32Array.of(3, 1),
  ids: Int32Array.of(1, 2, 3, 4, 0, 0),
};
export const answer = { logits: Float32Array.of(3, 1), embeddings: Float32Array.of(3, 1) };
export const head = {
  output: { weight: new Float32Array(1), bias: new Float32Array(1) },
  intents: 1,
  background: 0,
};

/** A slot of real workers that only count, and what it told. */
export class SlotOfTwoEngines {
  readonly #folder = mkdtempSync(join(tmpdir(), 'intentd-slot-'));
  /** While it is there, workers that may fail do as it says. */
  readonly fault = join(this.#folder, 'fault');
  readonly health: string[] = [];
  /** Kinds of the engines that took the place of another. */
  readonly served: string[] = [];
  readonly engine: EngineSlot;

  constructor(more: Partial<SlotOptions> = {}) {
    const options = {
      launch: launching('cpu'),
      heartbeatMs: 50,
      retryMs: 300,
      onHealth: (now: string) => this.health.push(now),
      onServing: ({ kind }: { readonly kind: string }) => this.served.push(kind),
      ...more,
    };
    this.engine = new EngineSlot(options, systemClock, silentLogger);
  }

  /** Workers of a kind that fail while the fault's file is there. */
  failing(kind: string): Launch {
    return launching(kind, { fault: this.fault });
  }

  /** Asks without pause until `stop` is called; gives how many were answered, and the slowest one's milliseconds. */
  asking(): () => Promise<{ answered: number; slowestMs: number }> {
    let [on, answered, slowestMs] = [true, 0, 0];
    const done = (async () => {
      while (on) {
        const began = performance.now();
        expect(await this.engine.infer(batch, 'h')).toMatchObject(answer);
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

  async close(): Promise<void> {
    await this.engine.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Workers of the kind, which take so long to start. */
export function launching(kind: string, { fault = '', startMs = 0 } = {}): Launch {
  const command = [process.execPath, script, kind, fault, String(startMs)];
  return (signal) => WorkerProcess.start({ command, startMs: 10_000, hangMs: 5000 }, silentLogger, signal);
}

export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000 && !condition(); tries++) await new Promise((r) => setTimeout(r, 5));
  expect(condition()).toBe(true);
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
