import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/base/index.js';
import {
  encodeEncoder,
  float16ToFloat32,
  float32ToFloat16,
  readBundle,
  Safetensors,
  writeBundle,
} from '../../../src/model/index.js';
import { tinyEncoder, tinyHead, tinyParts, writeTinyBundle } from '../../support/tinyBundle.js';
import { replaceFile } from '../../support/spoiledBundle.js';

let base: string;
let folder: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'bundle-'));
  folder = join(base, 'tiny');
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

describe('a bundle that is written is read back exactly:', () => {
  test.each([
    ['with packed layers', tinyParts()],
    ['all dense', tinyParts({ encoder: { sparse: false } })],
    ['with one packed layer', tinyParts({ encoder: { sparse: ['layer.1.attention.value'] } })],
    ['with a linear head', tinyParts({ headHidden: 0 })],
    ['of another size', tinyParts({ encoder: { architecture: { layers: 1, hidden: 48, heads: 4 } } })],
    ['with cls pooling and dense attention', tinyParts(clsAndDense())],
    ['with intents of any script', tinyParts({ parts: { labels: ['天気', 'météo', 'a b', 'x👍'] } })],
    ['without golden utterances', tinyParts({ parts: { golden: [] } })],
    ['with a model card', tinyParts({ parts: { readme: '# Tiny\n' } })],
  ])('%s', async (_, parts) => {
    const manifest = await writeBundle(folder, parts);
    const bundle = await readBundle(folder);
    expect(bundle.manifest).toEqual(manifest);
    expect(bundle.encoder).toEqual(parts.encoder);
    expect(bundle.head).toEqual({ ...parts.head, encoder: manifest.files['encoder.safetensors']!.sha256 });
    expect(bundle.labels).toEqual(parts.labels);
    expect(bundle.tokenizerJson).toEqual(parts.tokenizerJson);
    expect(bundle.golden).toEqual(parts.golden);
  });
});

test('packed layers take five eighths of the bytes of dense ones', async () => {
  const bytesOf = async (name: string, sparse: boolean) => {
    await writeTinyBundle(join(base, name), { encoder: { sparse } });
    const file = new Safetensors(new Uint8Array(await readFile(join(base, name, 'encoder.safetensors'))), '');
    return [...file.tensors]
      .filter(([tensor]) => /^layer\.0\.output\.(weight|values|positions)$/.test(tensor))
      .reduce((sum, [, { start, end }]) => sum + end - start, 0);
  };
  expect((await bytesOf('sparse', true)) / (await bytesOf('dense', false))).toBe(5 / 8);
});

test('the digest is that of manifest.json, and the same parts give the same', async () => {
  await writeTinyBundle(folder);
  await writeTinyBundle(join(base, 'again'));
  const { digest } = await readBundle(folder);
  expect(digest).toBe(sha256(await readFile(join(folder, 'manifest.json'))));
  expect((await readBundle(join(base, 'again'))).digest).toBe(digest);
});

test('a head in half precision is rounded to the nearest half', async () => {
  const parts = tinyParts({ parts: { headPrecision: 'F16' } });
  await writeBundle(folder, parts);
  const { head } = await readBundle(folder);
  expect(head.output.weight).toEqual(float16ToFloat32(float32ToFloat16(parts.head.output.weight)));
});

describe('a new head on the encoder of another bundle', () => {
  test('keeps the encoder file as it is, so both share an engine', async () => {
    await writeTinyBundle(folder);
    await reorderEncoder();
    const first = await readBundle(folder);
    const labels = ['yes', 'no'];
    const head = { ...tinyHead(7, 32, 2, 0), encoder: first.head.encoder };
    const golden = [{ text: 'yes', intent: 'yes' }];
    const { encoder, encoderBytes } = first;
    await writeBundle(join(base, 'second'), { ...tinyParts(), encoder, encoderBytes, labels, head, golden });
    const second = await readBundle(join(base, 'second'));
    expect(second.head.encoder).toBe(first.head.encoder);
    expect(second.labels).toEqual(labels);
    expect(second.encoder).toEqual(encoder);
  });

  /** As another program would have written it: other bytes that say the same. */
  async function reorderEncoder(): Promise<void> {
    const bytes = encodeEncoder(tinyParts().encoder);
    const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const padded = Buffer.concat([
      bytes.subarray(0, 8 + headerBytes),
      Buffer.alloc(8, ' '),
      bytes.subarray(8 + headerBytes),
    ]);
    padded.writeBigUInt64LE(BigInt(headerBytes + 8));
    await replaceFile(folder, 'encoder.safetensors', padded);
    const head = await readFile(join(folder, 'head.safetensors'), 'latin1');
    const text = head.replace(sha256(bytes), sha256(padded));
    await replaceFile(folder, 'head.safetensors', Buffer.from(text, 'latin1'));
  }

  test('is refused where it was fitted on a third one', async () => {
    const parts = tinyParts();
    const head = { ...parts.head, encoder: 'f'.repeat(64) };
    await expect(writeBundle(folder, { ...parts, head })).rejects.toThrow(
      /The head was fitted on the encoder f{64}, and the bundle's is/,
    );
  });
});

describe('nothing is written', () => {
  afterEach(async () => {
    expect((await readdir(base)).filter((name) => name !== 'tiny')).toEqual([]);
  });

  test('over a folder with something in it', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'mine'), 'kept');
    await expect(writeTinyBundle(folder)).rejects.toMatchObject({ code: 'exists' });
    expect(await readdir(folder)).toEqual(['mine']);
  });

  test.each([
    [
      'a floating-point encoder',
      { encoder: tinyEncoder(1, { kind: 'float' }) },
      /embeddings\.word of the encoder is in floating/,
    ],
    [
      'an encoder without activation steps',
      { encoder: withoutSteps() },
      /Layer 0 of the encoder has no activation step for input/,
    ],
    [
      'a matrix that calls itself sparse and is not',
      { encoder: falselySparse() },
      /layer\.0\.attention\.query has more than two non-zeros in row 0/,
    ],
    [
      'labels that no topic can hold',
      { labels: ['a/b', 'c', 'd', 'e'], golden: [] },
      /labels\.json: intents\[0\] holds/,
    ],
    [
      'a golden utterance of an unknown intent',
      { golden: [{ text: 'a', intent: 'b' }] },
      /golden\.jsonl line 1: intent "b"/,
    ],
    ['an id that is none', { id: 'Not An Id' }, /manifest\.json: id must be/],
    [
      'weights that are not finite',
      { head: nanHead() },
      /head\.safetensors has NaN at element 0 of tensor "output\.bias"/,
    ],
  ])('of %s', async (_, parts, sentence) => {
    await expect(writeTinyBundle(folder, { parts })).rejects.toThrow(sentence);
    expect(await readdir(base)).toEqual([]);
  });
});

const shipped = new URL('../../../models/clinc150-minilm-l6', import.meta.url).pathname;
test('the default model is accepted', async () => {
  const bundle = await readBundle(shipped);
  expect(bundle.labels).toHaveLength(150);
  expect(bundle.encoder.layers).toHaveLength(6);
});

function clsAndDense() {
  return {
    encoder: {
      architecture: { pooling: 'cls', normalize: false, activation: 'relu' },
      attention: { windowEachSide: -1, globalTokens: 0 },
    },
  } as const;
}

function withoutSteps() {
  const encoder = tinyEncoder(1);
  return {
    ...encoder,
    layers: encoder.layers.map(({ linear, attentionNorm, outputNorm }) => ({
      linear,
      attentionNorm,
      outputNorm,
    })),
  };
}

function falselySparse() {
  const encoder = tinyEncoder(1);
  const [first, ...others] = encoder.layers;
  const query = first!.linear['attention.query'];
  const weight = { ...query.weight, sparse: true } as typeof query.weight;
  return {
    ...encoder,
    layers: [{ ...first!, linear: { ...first!.linear, 'attention.query': { ...query, weight } } }, ...others],
  };
}

function nanHead() {
  const head = tinyHead(1, 32, 4);
  return {
    ...head,
    output: { ...head.output, bias: head.output.bias.map((value, at) => (at === 0 ? NaN : value)) },
  };
}
