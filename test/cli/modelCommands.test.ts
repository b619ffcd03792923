import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCpuEngine } from '../../src/cli/model/cpuEngine.js';
import { openModel } from '../../src/cli/model/openModel.js';
import { decide } from '../../src/decision/index.js';
import { padTokens } from '../../src/model/index.js';
import { built } from '../support/built.js';
import { jsonOf, runProgram } from '../support/program.js';
import { writeTinyBundle } from '../support/tinyBundle.js';

const texts = [
  'play my music',
  'what is the weather',
  'lights on please',
  'set a timer for my flight',
  'book',
];
const outside = ['xyzzy', 'qwerty uiop'];

let folder: string;
let bundle: string;
let program: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'intentd-cli-'));
  bundle = join(folder, 'tiny');
  await writeTinyBundle(bundle);
  program = join(await built(), 'main.js');
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

/** Data whose every intent is what the bundle answers. */
async function ownAnswers(): Promise<{ file: string; val: [string, string][] }> {
  const model = await openModel(bundle);
  const engine = await openCpuEngine(model.bundle, { precision: 'int8' });
  const val: [string, string][] = [];
  for (const text of texts) {
    const { logits, embeddings } = await engine.infer(padTokens([model.tokenizer.encode(text)]), 'tiny');
    const rules = { ...model.rules, outOfScope: { score: 'maxLogit', threshold: -Infinity } as const };
    val.push([text, decide({ logits, embedding: embeddings }, rules).intent!]);
  }
  await engine.close();
  const file = join(folder, 'data.json');
  await writeFile(file, JSON.stringify({ val, oos_val: outside.map((text) => [text, 'oos']) }));
  return { file, val };
}

describe('intentd model show', () => {
  it('says what a bundle is, within 80 columns', async () => {
    const { status, stdout } = await runProgram('model', 'show', bundle);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^tiny 1\.0\.0\n/);
    expect(stdout).toMatch(/intents +4: play_music, weather, lights_on, balance/);
    expect(stdout).not.toContain('\u001b');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('prints the whole manifest as JSON', async () => {
    const manifest: unknown = JSON.parse(await readFile(join(bundle, 'manifest.json'), 'utf8'));
    expect(await jsonOf('model', 'show', bundle)).toMatchObject({ manifest, goldenUtterances: 3 });
  });

  it('does not mind a reader that has seen enough', async () => {
    const child = spawn(process.execPath, [program, 'model', 'show', bundle]);
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toBe('');
  });
});

describe('intentd model verify', () => {
  it('accepts a whole bundle', async () => {
    expect((await runProgram('model', 'verify', bundle)).stdout).toMatch(/^ok tiny 1\.0\.0: 5 files/);
    expect(await jsonOf('model', 'verify', bundle)).toMatchObject({ ok: true, id: 'tiny', files: 5 });
  });

  it('refuses one with half a file, and exits with 1', async () => {
    const broken = join(folder, 'broken');
    await writeTinyBundle(broken);
    await truncate(join(broken, 'encoder.safetensors'), 100);
    const { status, stdout, stderr } = await runProgram('model', 'verify', broken, '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'bad_bundle' } });
    expect(stderr).toMatch(/^intentd: .*encoder\.safetensors.* \[bad_bundle\]\n$/);
  });
});

describe('intentd model compile', () => {
  it('writes the encoder and the head, and says what they are', async () => {
    const [encoder, head] = [join(folder, 'encoder.onnx'), join(folder, 'head.onnx')];
    for (const options of [
      ['--attention', 'plugin'],
      ['--precision', 'fp16'],
      ['--precision', 'fp32'],
    ]) {
      const { files } = await jsonOf(
        'model',
        'compile',
        bundle,
        '--out',
        encoder,
        '--head-out',
        head,
        ...options,
      );
      const sizes = (files as { bytes: number }[]).map(({ bytes }) => bytes);
      expect(sizes).toEqual([(await readFile(encoder)).length, (await readFile(head)).length]);
      expect((await readFile(encoder)).includes('LocalGlobalAttention')).toBe(options[1] === 'plugin');
    }
  });

  it('refuses what does not go together, and what no option allows', async () => {
    const out = join(folder, 'never.onnx');
    const impossible = await runProgram(
      'model',
      'compile',
      bundle,
      '--attention',
      'plugin',
      '--precision',
      'fp32',
      '--out',
      out,
    );
    expect(impossible).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^intentd: .*fp32.*\n$/) as string,
    });
    const unknown = await runProgram('model', 'compile', bundle, '--precision', 'int4', '--out', out);
    expect(unknown).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('int8, fp16, fp32') as string,
    });
    await expect(readFile(out)).rejects.toThrow('ENOENT');
  });
});

describe('intentd model evaluate', () => {
  it('measures the answers that the bundle gives', async () => {
    const { file, val } = await ownAnswers();
    const right = await jsonOf('model', 'evaluate', bundle, file, '--split', 'val');
    expect(right).toMatchObject({
      inScopeAccuracy: 1,
      inScope: 5,
      outOfScope: 2,
      confused: [],
      truncated: 0,
    });

    const [text, intent] = val[0]!;
    const other = intent === 'balance' ? 'weather' : 'balance';
    await writeFile(file, JSON.stringify({ val: [[text, other], ...val.slice(1)] }));
    const wrong = await jsonOf('model', 'evaluate', bundle, file, '--split', 'val', '--threads', '1');
    expect(wrong).toMatchObject({
      inScopeAccuracy: 0.8,
      oosAuroc: null,
      oosRecallAt5: null,
      confused: [{ expected: other, answered: intent, count: 1 }],
    });
  });

  it('prints fractions under the keys that other programs read', async () => {
    const { file } = await ownAnswers();
    const report = await jsonOf('model', 'evaluate', bundle, file, '--split', 'val', '--precision', 'fp32');
    const { inScopeAccuracy, oosAuroc, oosRecallAt5, ece, atThreshold } = report;
    const { oosRecall, falseRejection, inScopeAccuracy: accepted } = atThreshold as Record<string, unknown>;
    for (const share of [inScopeAccuracy, oosAuroc, oosRecallAt5, ece, oosRecall, falseRejection, accepted]) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    expect(report['engine']).toMatchObject({ kind: 'onnxruntime', precision: 'fp32' });
    expect(Object.keys(report['oosAurocByScore'] as object)).toHaveLength(5);
  });

  it('says the same to people, within 80 columns and without progress where nobody watches', async () => {
    const { file } = await ownAnswers();
    const { status, stdout, stderr } = await runProgram('model', 'evaluate', bundle, file, '--split', 'val');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/in-scope accuracy +100\.00 %/);
    expect(stdout).toMatch(/ROC area +\d\.\d{4} \(95 % interval/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('refuses data of other intents, and a split that is not there', async () => {
    const file = join(folder, 'other.json');
    await writeFile(file, JSON.stringify({ val: [['fly', 'fly_away']] }));
    const other = await runProgram('model', 'evaluate', bundle, file, '--split', 'val');
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining('"fly_away"') as string });
    const none = await runProgram('model', 'evaluate', bundle, file, '--split', 'test');
    expect(none).toMatchObject({ status: 1, stderr: expect.stringContaining('it has "val"') as string });
    expect(await runProgram('model', 'evaluate', bundle, file)).toMatchObject({ status: 2 });
  });
});
