import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { built } from '../support/built.js';

interface Figures {
  readonly requests: number;
  readonly lost: number;
  readonly refused: number;
  readonly twice: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly third: { readonly workers: number };
  readonly last: { readonly workers: number };
  readonly faults: readonly string[];
}

const isWhole = process.env['FULL_FAULTS'] === '1';
const script = join(import.meta.dirname, '../../bench/updates/swaps.mjs');

async function swapping(swaps: number): Promise<Figures> {
  await built();
  const child = spawn(process.execPath, [script, '--json', '--swaps', String(swaps)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  if (out === '') throw new Error(err);
  return JSON.parse(out) as Figures;
}

it('fault 26: swaps under full load lose no request, answer none twice, and leave one worker', async () => {
  const figures = await swapping(isWhole ? 100 : 5);
  expect(figures).toMatchObject({ lost: 0, refused: 0, twice: 0 });
  expect(Object.keys(figures.versions).sort()).toEqual(['1.0.1', '1.0.2']);
  expect(figures.third.workers).toBe(1);
  expect(figures.last.workers).toBe(1);
  // Times and memory of a few swaps beside other tests say nothing.
  if (isWhole) expect(figures.faults).toEqual([]);
}, 1_200_000);
