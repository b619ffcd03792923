import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fitTemperature, fitThreshold } from '../../../src/decision/index.js';
import { openOnnxRuntimeEngine } from '../../../src/engine/index.js';
import {
  createTokenizer,
  importHuggingFace,
  linearNames,
  padTokens,
  planHuggingFace,
  readBundle,
  Safetensors,
  type Bundle,
  type CalibrationUtterance,
  type ImportOptions,
  type ImportReport,
} from '../../../src/model/index.js';
import { tinyLabels, writeTinyCheckpoint } from '../../support/tinyCheckpoint.js';

const root = mkdtempSync(join(tmpdir(), 'intentd-import-'));
const checkpoint = join(root, 'Tiny BERT (random)');
const few = utterances([undefined]);
/** The tiny model has too few layers to land within half a point of 40 %. */
const tolerance = 0.03;

beforeAll(() => {
  writeTinyCheckpoint(checkpoint);
});

afterAll(() => {
  rmSync(root, { recursive: true });
});

async function imported(
  name: string,
  options: Partial<ImportOptions> = {},
  from = checkpoint,
): Promise<{ report: ImportReport; bundle: Bundle }> {
  const out = join(root, name);
  const report = await importHuggingFace(from, { out, tolerance, utterances: few, ...options });
  return { report, bundle: await readBundle(out) };
}

/** Utterances of words the tiny tokenizer knows, with the intents given in turn. */
function utterances(intents: readonly (string | null | undefined)[], count = 60): CalibrationUtterance[] {
  const words = ['play', 'music', 'lights', 'turn', 'off', 'balance', 'timer', 'today', 'weather', 'to'];
  return Array.from({ length: count }, (_, i) => {
    const own = [i, i * 7 + 1, i * 3 + 2, i * i].slice(0, 2 + (i % 3)).map((at) => words[at % words.length]!);
    const intent = intents[i % intents.length];
    return { text: `${own.join(' ')} ${i}`, ...(intent === undefined ? {} : { intent }) };
  });
}

describe('importing a Hugging Face checkpoint', () => {
  it('makes a bundle that reads, with the planned layers packed and the plan in its manifest', async () => {
    const { report, bundle } = await imported('plain');
    expect(bundle.manifest).toMatchObject({
      id: 'tiny-bert-random',
      version: '1.0.0',
      attention: { windowEachSide: -1 },
      architecture: { pooling: 'cls', normalize: false },
      quantization: { method: 'ptq' },
      head: { type: 'mlp', hidden: 32, activation: 'tanh', background: 0 },
      sparsity: { pattern: '2:4', target: 0.4 },
    });
    expect(bundle.labels).toEqual(tinyLabels);
    expect(bundle.manifest.sparsity.layers).toEqual(report.plan.layers);
    expect(Math.abs(bundle.manifest.sparsity.achieved - 0.4)).toBeLessThanOrEqual(tolerance);
    expect(report.plan.layers.some((name) => /query|key/.test(name))).toBe(false);
  });

  it('leaves at least two zeros in every group of four of every planned layer of the file', async () => {
    const { report, bundle } = await imported('groups');
    const file = new Safetensors(
      new Uint8Array(readFileSync(join(root, 'groups', 'encoder.safetensors'))),
      'encoder.safetensors',
    );
    expect(report.plan.layers.length).toBeGreaterThan(4);
    for (const name of report.plan.layers) {
      const positions = file.uint8(`${name}.positions`);
      const values = file.int8(`${name}.values`);
      expect(positions.length).toBe(values.length / 4);
      expect([...positions].every((byte) => ascends(byte & 15) && ascends(byte >> 4))).toBe(true);
      expect(file.tensors.has(`${name}.weight`)).toBe(false);
    }
    for (const [index, layer] of bundle.encoder.layers.entries()) {
      for (const linear of linearNames) {
        const { weight } = layer.linear[linear];
        if (!report.plan.layers.includes(`layer.${index}.${linear}`)) continue;
        for (let at = 0; at < weight.data.length; at += 4) {
          const zeros = [0, 1, 2, 3].filter((i) => weight.data[at + i] === 0).length;
          expect(zeros).toBeGreaterThanOrEqual(2);
        }
      }
    }
  });

  it('answers in the engine as it said it would: the golden utterances hold', async () => {
    const { report, bundle } = await imported('served');
    expect(report.golden).toEqual({ utterances: 60, source: 'own answers', accuracy: 1 });
    expect(bundle.golden).toHaveLength(60);
    expect(new Set(bundle.golden.map(({ intent }) => intent)).size).toBeGreaterThan(1);
    expect(await rightAnswers(bundle)).toBeGreaterThanOrEqual(58);
  });

  it('says what pruning and INT8 cost, on utterances that nothing was fitted on', async () => {
    const { report } = await imported('cost', { utterances: utterances([undefined], 80) });
    expect(report.utterances).toEqual({ source: 'given', calibration: 60, heldOut: 20, labelled: false });
    const [dense, pruned, int8] = report.stages;
    expect(dense).toEqual({ stage: 'dense', embeddingCosine: expect.closeTo(1, 6) as number, agreement: 1 });
    expect(pruned!.embeddingCosine).toBeLessThan(0.9999);
    expect(pruned!.embeddingCosine).toBeGreaterThan(0.8);
    expect(int8!.embeddingCosine).toBeLessThan(pruned!.embeddingCosine + 0.01);
    expect(int8!.embeddingCosine).toBeGreaterThan(0.8);
  });

  it('costs next to nothing where nothing is pruned', async () => {
    const { report, bundle } = await imported('dense', { target: 0 });
    expect(bundle.manifest.sparsity).toMatchObject({ achieved: 0, layers: [] });
    expect(report.stages[1]!.embeddingCosine).toBeCloseTo(1, 5);
    expect(report.stages[2]!.embeddingCosine).toBeGreaterThan(0.99);
  });

  it('never rejects where no threshold could be fitted, and says so', async () => {
    const out = join(root, 'unlabelled');
    const fits = { fitTemperature, fitThreshold };
    const report = await importHuggingFace(checkpoint, { out, tolerance, fits });
    const bundle = await readBundle(out);
    expect(bundle.manifest.decision).toEqual({
      temperature: 1,
      outOfScope: { score: 'maxProbability', threshold: 0 },
      ambiguityMargin: 0.1,
    });
    expect(report.utterances.source).toBe('built-in');
    expect(report.notes.join(' ')).toMatch(/built-in neutral utterances/);
    expect(report.notes.join(' ')).toMatch(/Nothing is ever out of scope/);
  });

  it('fits temperature and threshold, and measures accuracy, where utterances are labelled', async () => {
    const { report, bundle } = await imported('labelled', {
      utterances: utterances([...tinyLabels, null], 240),
      fits: { fitTemperature, fitThreshold },
    });
    const { temperature, outOfScope } = bundle.manifest.decision;
    expect(temperature).not.toBe(1);
    expect(outOfScope.score).toBe('maxProbability');
    expect(outOfScope.threshold).toBeGreaterThan(0);
    expect(report.stages.every(({ accuracy }) => accuracy! >= 0 && accuracy! <= 1)).toBe(true);
    expect(report.golden).toMatchObject({ utterances: 240, source: 'labels' });
    expect(bundle.golden.filter(({ intent }) => intent === null)).toHaveLength(40);
    expect(readFileSync(join(root, 'labelled', 'README.md'), 'utf8')).toMatch(/\| int8 \| 0\.\d{4} \| \d/);
  });

  it('makes an output called oos the background, and rejects where it outweighs the intents', async () => {
    const folder = join(root, 'with-oos');
    writeTinyCheckpoint(folder, { labels: ['music_on', 'oos', 'lights_on', 'timer'], decisiveness: 3 });
    const { bundle } = await imported('background', {}, folder);
    expect(bundle.labels).toEqual(['music_on', 'lights_on', 'timer']);
    expect(bundle.manifest.head.background).toBe(1);
    expect(bundle.manifest.decision.outOfScope).toEqual({ score: 'background', threshold: 0 });
    expect(bundle.golden.some(({ intent }) => intent === null)).toBe(true);
  });

  it('gives the same bundle every time', async () => {
    const [first, second] = [await imported('once'), await imported('twice')];
    expect(second.bundle.manifest).toEqual(first.bundle.manifest);
  });

  it('takes the layers that measured sensitivities say', async () => {
    const given = (await planHuggingFace(checkpoint, { tolerance, utterances: few })).sensitivities;
    const first = { ...given, 'layer.0.attention.value': 0, 'layer.1.attention.value': 1 };
    const last = { ...given, 'layer.0.attention.value': 1, 'layer.1.attention.value': 0 };
    const target = 0.344;
    const plans = [first, last].map((sensitivities) =>
      planHuggingFace(checkpoint, { sensitivities, target, tolerance, utterances: few }),
    );
    const [one, other] = (await Promise.all(plans)).map(({ plan }) =>
      plan.layers.filter((n) => /value/.test(n)),
    );
    expect([one, other]).toEqual([['layer.0.attention.value'], ['layer.1.attention.value']]);
  });

  it('reports its progress layer by layer', async () => {
    const seen: string[] = [];
    await importHuggingFace(
      checkpoint,
      { out: join(root, 'progress'), tolerance },
      ({ stage, done, total }) => {
        seen.push(`${stage} ${done}/${total}`);
      },
    );
    expect(seen).toEqual([
      ...['observing 1/2', 'observing 2/2', 'compressing 1/2', 'compressing 2/2'],
      ...['measuring 0/1', 'measuring 1/1', 'writing 0/1', 'writing 1/1'],
    ]);
  });
});

describe('an import is refused before any work, and writes nothing', () => {
  const cases: { why: string; options: Partial<ImportOptions>; says: RegExp }[] = [
    {
      why: 'too few labels',
      options: { labels: ['a', 'b'] },
      says: /has 5 outputs, and 2 labels were given/,
    },
    {
      why: 'labels no topic can hold',
      options: { labels: ['a', 'b/c', 'd', 'e', 'f'] },
      says: /labels: intents\[1\] holds "\/"/,
    },
    {
      why: 'too few utterances',
      options: { utterances: utterances([undefined], 19) },
      says: /At least 20 different utterances .* not 19/,
    },
    {
      why: 'an intent the head does not have',
      options: { utterances: utterances(['dance']) },
      says: /intent "dance", which is none of the classifier's 5/,
    },
    {
      why: 'a target without query and key',
      options: { target: 0.45 },
      says: /reaches at most 37\.50 %|at most 41\.67 %|out of reach/,
    },
    { why: 'a bad id', options: { id: 'No Id' }, says: /bundle: id must be up to 64 of a-z/ },
    { why: 'a bad version', options: { version: '1' }, says: /bundle: version must be a semantic version/ },
  ];

  it.each(cases)('$why', async ({ options, says }) => {
    const out = join(root, 'refused');
    await expect(
      importHuggingFace(checkpoint, { out, tolerance: 0.005, target: 0, ...options }),
    ).rejects.toThrow(says);
    expect(existsSync(out)).toBe(false);
  });

  it('a folder that holds something', async () => {
    const out = join(root, 'taken');
    mkdirSync(out);
    writeFileSync(join(out, 'note'), 'mine');
    await expect(importHuggingFace(checkpoint, { out, tolerance })).rejects.toMatchObject({ code: 'exists' });
  });

  it('a checkpoint without a classifier, or without names for it', async () => {
    const [bare, nameless] = [join(root, 'bare'), join(root, 'nameless')];
    writeTinyCheckpoint(bare, { labels: [] });
    const out = join(root, 'refused');
    await expect(importHuggingFace(bare, { out })).rejects.toThrow(
      /has no classifier .* BertForSequenceClassification/,
    );
    writeTinyCheckpoint(nameless, { config: { id2label: undefined } });
    await expect(importHuggingFace(nameless, { out })).rejects.toThrow(
      /no id2label, so the 5 intents need names/,
    );
  });
});

/** How many golden utterances ONNX Runtime answers as expected, with the bundle's INT8 weights. */
async function rightAnswers({
  encoder,
  head,
  labels,
  golden,
  manifest,
  tokenizerJson,
}: Bundle): Promise<number> {
  const { positions } = manifest.architecture;
  const tokenizer = createTokenizer(tokenizerJson, { positions });
  const engine = await openOnnxRuntimeEngine({ encoder, digest: head.encoder });
  await engine.loadHead('own', head);
  let right = 0;
  for (const { text, intent } of golden) {
    const { logits } = await engine.infer(padTokens([tokenizer.encode(text)]), 'own');
    if (labels[logits.indexOf(Math.max(...logits))] === intent) right++;
  }
  await engine.close();
  return right;
}

/** The two kept positions of a group, of which `p0 | p1 << 2` is stored. */
function ascends(group: number): boolean {
  return (group & 3) < group >> 2;
}
