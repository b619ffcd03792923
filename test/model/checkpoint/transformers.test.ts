import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openOnnxRuntimeEngine } from '../../../src/engine/index.js';
import { padTokens, readHuggingFace } from '../../../src/model/index.js';
import { missingPython, runPython } from '../../support/python.js';
import { writeTinyCheckpoint, type TinyCheckpointOptions } from '../../support/tinyCheckpoint.js';

const missing = missingPython('torch', 'transformers');
const script = new URL('../../python/classify.py', import.meta.url);
const root = mkdtempSync(join(tmpdir(), 'intentd-transformers-'));

afterAll(() => {
  rmSync(root, { recursive: true });
});

const utterances = [[2, 50, 80, 81, 3], [2, 3], Array.from({ length: 40 }, (_, i) => 2 + ((i * 17) % 90))];

describe.skipIf(missing)(`a checkpoint in transformers${missing ? ` (${missing})` : ''}`, () => {
  it.each([
    { what: 'gelu', options: { seed: 3 } },
    {
      what: 'gelu_new, in shards',
      options: { seed: 4, architecture: { activation: 'gelu_new' }, shards: 2 },
    },
    { what: 'relu, three layers', options: { seed: 5, architecture: { activation: 'relu', layers: 3 } } },
  ] satisfies { what: string; options: TinyCheckpointOptions }[])(
    'gives the logits that it gives here: $what',
    async ({ what, options }) => {
      const folder = join(root, what);
      writeTinyCheckpoint(folder, options);
      const lines = utterances.map((ids) => `${JSON.stringify(ids)}\n`).join('');
      const theirs = runPython(script, [folder], lines).trim().split('\n');
      const { encoder, head } = await readHuggingFace(folder);
      const engine = await openOnnxRuntimeEngine({ encoder, digest: '', precision: 'fp32' });
      await engine.loadHead('own', head!);
      for (const [index, ids] of utterances.entries()) {
        const { logits } = await engine.infer(padTokens([{ ids: Int32Array.from(ids) }]), 'own');
        for (const [row, theirLogit] of (JSON.parse(theirs[index]!) as number[]).entries()) {
          expect(logits[row]).toBeCloseTo(theirLogit, 4);
        }
      }
      await engine.close();
    },
    120_000,
  );
});
