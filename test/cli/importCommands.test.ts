import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram, jsonOf } from '../support/program.js';
import { tinyLabels, writeTinyCheckpoint } from '../support/tinyCheckpoint.js';

const words = ['play', 'music', 'lights', 'on', 'off', 'balance', 'timer', 'weather', 'what', 'is', 'my'];

let folder: string;
let checkpoint: string;
let calibration: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'intentd-import-'));
  checkpoint = join(folder, 'tiny-bert');
  writeTinyCheckpoint(checkpoint);
  calibration = join(folder, 'mine.jsonl');
  const lines = words.flatMap((first, at) =>
    words.map((second, to) => {
      const intent = to % 4 === 3 ? 'oos' : tinyLabels[(at + to) % tinyLabels.length];
      return JSON.stringify({ text: `${first} the ${second}`, intent });
    }),
  );
  await writeFile(calibration, lines.join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('intentd model plan', () => {
  it('names the layers, feed-forward ones first, never query and key', async () => {
    const { plan, sensitivities } = await jsonOf('model', 'plan', checkpoint, '--target', '0.375');
    const { layers, achieved } = plan as { layers: string[]; achieved: number };
    expect(achieved).toBeCloseTo(0.375, 2);
    expect(layers).toContain('layer.0.intermediate');
    expect(layers.filter((name) => /query|key/.test(name))).toEqual([]);
    for (const name of layers) expect((sensitivities as Record<string, number>)[name]).toBeGreaterThan(0);
    const { status, stdout } = await runProgram('model', 'plan', checkpoint, '--target', '0.375');
    expect(status).toBe(0);
    expect(stdout).toMatch(/feed-forward +4 of 4/);
  });

  it('plans by sensitivities that were measured elsewhere', async () => {
    const { sensitivities } = await jsonOf('model', 'plan', checkpoint, '--target', '0.375');
    const given = { ...(sensitivities as Record<string, number>), 'layer.0.intermediate': 9 };
    const file = join(folder, 'sensitivities.json');
    await writeFile(file, JSON.stringify({ sensitivities: given }));
    const planned = await jsonOf('model', 'plan', checkpoint, '--target', '0.1875', '--sensitivities', file);
    const { layers } = planned['plan'] as { layers: string[] };
    expect(layers).toHaveLength(3);
    expect(layers).not.toContain('layer.0.intermediate');
    expect(planned['sensitivities']).toEqual(given);
    expect(planned['utterances']).toBeUndefined();
  });

  it('says why a target cannot be reached, and refuses what is no share', async () => {
    const unreachable = await runProgram('model', 'plan', checkpoint, '--target', '0.41');
    expect(unreachable).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('out of reach') as string,
    });
    expect(await runProgram('model', 'plan', checkpoint, '--target', 'much')).toMatchObject({ status: 2 });
  });
});

describe('intentd model import', () => {
  it('makes a bundle that verifies, and says what it cost', async () => {
    const out = join(folder, 'bundle');
    const arguments_ = [
      'model',
      'import',
      checkpoint,
      '--out',
      out,
      '--calibrate',
      calibration,
      '--target',
      '0.375',
    ];
    const { status, stdout, stderr } = await runProgram(
      ...arguments_,
      '--id',
      'mine',
      '--model-version',
      '2.0.0',
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^mine is in /);
    expect(stdout).toMatch(/int8 +\d\.\d{4} +\d+\.\d\d % +\d+\.\d\d %/);
    expect(stdout).toMatch(/points of accuracy on \d+ utterances/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(await jsonOf('model', 'verify', out)).toMatchObject({ ok: true, id: 'mine', version: '2.0.0' });
    const { manifest } = await jsonOf('model', 'show', out);
    expect(manifest).toMatchObject({ quantization: { method: 'ptq' }, sparsity: { target: 0.375 } });
  });

  it('fits temperature and threshold on labelled utterances', async () => {
    const out = join(folder, 'fitted');
    const arguments_ = [
      'model',
      'import',
      checkpoint,
      '--out',
      out,
      '--calibrate',
      calibration,
      '--target',
      '0',
    ];
    await jsonOf(...arguments_);
    const { decision } = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as {
      decision: { temperature: number; outOfScope: { threshold: number } };
    };
    expect(decision.temperature).not.toBe(1);
    expect(decision.outOfScope.threshold).toBeGreaterThan(0);
  });

  it('takes the names of the intents from a file', async () => {
    const [labels, out] = [join(folder, 'names.txt'), join(folder, 'named')];
    await writeFile(labels, 'one\ntwo\nthree\nfour\nfive\n');
    await jsonOf('model', 'import', checkpoint, '--out', out, '--labels', labels, '--target', '0.375');
    expect(await jsonOf('model', 'show', out)).toMatchObject({
      intents: ['one', 'two', 'three', 'four', 'five'],
    });
    await writeFile(labels, 'one\n');
    const few = await runProgram(
      'model',
      'import',
      checkpoint,
      '--out',
      join(folder, 'few'),
      '--labels',
      labels,
    );
    expect(few).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/5 outputs, and 1 labels.*\[bad_labels\]/) as string,
    });
  });

  it('never writes over what is there', async () => {
    const { status, stderr } = await runProgram('model', 'import', checkpoint, '--out', folder);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/is not empty.*\[exists\]/)]);
  });
});
