import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encoderToOnnx, readBundle, type Bundle } from '../../src/model/index.js';
import { ReadGraph } from '../model/graph/readGraph.js';
import { jsonOf } from '../support/program.js';

const folder = 'models/clinc150-minilm-l6';
/** ONNX's number for the type. */
const int8 = 3;
const data = '../shared/data/clinc150/train_val.json';

interface Figures {
  inScopeAccuracy: number;
  oosAuroc: number;
  ece: number;
  atThreshold: { inScopeAccuracy: number; oosRecall: number; falseRejection: number };
}

async function evaluate(file: string, split: string): Promise<Figures> {
  return (await jsonOf('model', 'evaluate', folder, file, '--split', split)) as unknown as Figures;
}

describe('the default model', () => {
  let bundle: Bundle;
  let work: string;

  beforeAll(async () => {
    bundle = await readBundle(folder);
    work = await mkdtemp(join(tmpdir(), 'intentd-default-'));
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  it('is at most 20 MiB in all files', async () => {
    const manifest = (await readFile(join(folder, 'manifest.json'))).length;
    const files = Object.values(bundle.manifest.files).reduce((sum, { bytes }) => sum + bytes, manifest);
    expect(files).toBeLessThanOrEqual(20 << 20);
  });

  it('has between 39.5 and 40.5 % zeros among its linear weights, two in every group of a planned layer', () => {
    const onnx = encoderToOnnx(bundle.encoder, { precision: 'int8', attention: 'standard' });
    const graph = new ReadGraph(onnx);
    const weights = graph.model
      .graph!.initializer!.map(({ name }) => name!)
      .filter((name) => /^layer\.\d+\..*\.weight$/.test(name) && graph.initializer(name).dataType === int8)
      .map((name) => ({ name, ...graph.int8s(name) }));
    const all = weights.reduce((sum, { data }) => sum + data.length, 0);
    const zeros = weights.reduce((sum, { data }) => sum + data.filter((value) => value === 0).length, 0);
    const { layers, hidden, feedForward } = bundle.manifest.architecture;
    expect(all).toBe(layers * (4 * hidden * hidden + 2 * hidden * feedForward));
    expect(zeros / all).toBeGreaterThanOrEqual(0.395);
    expect(zeros / all).toBeLessThanOrEqual(0.405);
    for (const planned of bundle.manifest.sparsity.layers) {
      const { data, shape } = weights.find(({ name }) => name === `${planned}.weight`)!;
      expect(groupsWithFewerThanTwoZeros(data, shape), planned).toBe(0);
    }
  });

  it('answers its golden utterances, all intents and out of scope', async () => {
    const inside = bundle.golden.filter(({ intent }) => intent !== null);
    const outside = bundle.golden.filter(({ intent }) => intent === null);
    expect(inside.length).toBeGreaterThanOrEqual(300);
    expect(new Set(inside.map(({ intent }) => intent))).toEqual(new Set(bundle.labels));
    const file = join(work, 'golden.json');
    await writeFile(
      file,
      JSON.stringify({
        golden: inside.map(({ text, intent }) => [text, intent]),
        oos_golden: outside.map(({ text }) => [text, 'oos']),
      }),
    );
    const figures = await evaluate(file, 'golden');
    expect(figures.inScopeAccuracy).toBeGreaterThanOrEqual(0.99);
    expect(figures.atThreshold.oosRecall).toBeGreaterThanOrEqual(0.9);
  });

  it.skipIf(!existsSync(data))(
    `reaches 97 % in scope and an out-of-scope area of 0.975 on validation (skipped without ${data})`,
    { timeout: 180_000 },
    async () => {
      const figures = await evaluate(data, 'val');
      expect(figures.inScopeAccuracy).toBeGreaterThanOrEqual(0.97);
      expect(figures.oosAuroc).toBeGreaterThanOrEqual(0.975);
      expect(figures.ece).toBeLessThan(0.02);
    },
  );
});

/** `data` is `[inputs, outputs]`: groups of four run down a column. */
function groupsWithFewerThanTwoZeros(data: Int8Array, shape: readonly number[]): number {
  const [inputs, outputs] = shape as [number, number];
  let broken = 0;
  for (let row = 0; row < inputs; row += 4) {
    for (let column = 0; column < outputs; column++) {
      let zeros = 0;
      for (let i = 0; i < 4; i++) zeros += data[(row + i) * outputs + column] === 0 ? 1 : 0;
      if (zeros < 2) broken += 1;
    }
  }
  return broken;
}
