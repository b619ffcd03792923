import { beforeAll, describe, expect, test } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Manifest, parseManifest } from '../../../src/model/index.js';
import { writeTinyBundle } from '../../support/tinyBundle.js';

type Loose = Record<string, Record<string, unknown>>;

let good: Manifest;
beforeAll(async () => {
  const base = await mkdtemp(join(tmpdir(), 'manifest-'));
  good = await writeTinyBundle(join(base, 'tiny'));
  await rm(base, { recursive: true });
});

function refusalOf(text: string): string {
  try {
    parseManifest(new TextEncoder().encode(text));
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the manifest was accepted');
}

describe('one sentence names the file, the field and what was expected:', () => {
  const cases: [string, (manifest: Loose & Record<string, unknown>) => unknown, string][] = [
    ['another format', (m) => set(m, 'format', 2), 'manifest.json: format must be 1, not 2.'],
    [
      'a field that is missing',
      (m) => delete m['attention'],
      'manifest.json: attention is missing: expected of type object.',
    ],
    ['an unknown field', (m) => set(m, 'extra', 1), 'manifest.json: "extra" is not a known field.'],
    [
      'an unknown inner field',
      (m) => set(m['decision']!, 'x', 1),
      'manifest.json: "x" in decision is not a known field.',
    ],
    [
      'a hidden size that is no multiple of 8',
      (m) => set(m['architecture']!, 'hidden', 31),
      'manifest.json: architecture.hidden must be a multiple of 8, not 31',
    ],
    [
      'a hidden size that the heads do not divide',
      (m) => set(m['architecture']!, 'heads', 3),
      'manifest.json: architecture.hidden must be a multiple of architecture.heads.',
    ],
    [
      'a feed-forward size that is no multiple of 8',
      (m) => set(m['architecture']!, 'feedForward', 60),
      'manifest.json: architecture.feedForward must be a multiple of 8, not 60.',
    ],
    [
      'a broken number of layers',
      (m) => set(m['architecture']!, 'layers', 1.5),
      'manifest.json: architecture.layers must be a whole number, not 1.5.',
    ],
    [
      'a size beyond reason',
      (m) => set(m['architecture']!, 'vocabulary', 1e9),
      'manifest.json: architecture.vocabulary must be at most 1000000, not 1000000000.',
    ],
    [
      'a number as text',
      (m) => set(m['architecture']!, 'layers', '2'),
      'manifest.json: architecture.layers must be of type number, not "2".',
    ],
    [
      'an unknown activation',
      (m) => set(m['architecture']!, 'activation', 'silu'),
      'manifest.json: architecture.activation must be "gelu" or "gelu_new" or "relu", not "silu".',
    ],
    [
      'an unknown head',
      (m) => set(m['head']!, 'type', 'tree'),
      'manifest.json: head.type must be "linear" or "mlp", not "tree".',
    ],
    [
      'a head without its size',
      (m) => delete m['head']!['hidden'],
      'manifest.json: head.hidden is missing: expected of type number.',
    ],
    [
      'a temperature of zero',
      (m) => set(m['decision']!, 'temperature', 0),
      'manifest.json: decision.temperature must be more than 0, not 0.',
    ],
    ['an id with a capital', (m) => set(m, 'id', 'Tiny'), 'manifest.json: id must be up to 64 of'],
    ['an id that climbs', (m) => set(m, 'id', '../x'), 'manifest.json: id must be up to 64 of'],
    [
      'a version that is none',
      (m) => set(m, 'version', '1.0'),
      'manifest.json: version must be a semantic version such as 1.0.0, not "1.0".',
    ],
    [
      'a sparse layer that is none',
      (m) => set(m['sparsity']!, 'layers', ['layer.0.pooler']),
      'manifest.json: sparsity.layers[0] must be a linear layer such as layer.0.intermediate, not',
    ],
    [
      'a sparse layer named twice',
      (m) => set(m['sparsity']!, 'layers', ['layer.0.output', 'layer.0.output']),
      'manifest.json: sparsity.layers must name each layer once.',
    ],
    [
      'a file of the format left out',
      (m) => delete m['files']!['golden.jsonl'],
      'manifest.json: files must name encoder.safetensors, head.safetensors, labels.json',
    ],
    [
      'a digest that is none',
      (m) => set(m['files']!, 'labels.json', { sha256: 'abc', bytes: 1 }),
      'manifest.json: files["labels.json"].sha256 must be 64 lower-case hex digits, not "abc".',
    ],
    [
      'a negative size',
      (m) => set(m['files']!, 'labels.json', { sha256: '0'.repeat(64), bytes: -1 }),
      'manifest.json: files["labels.json"].bytes must be at least 0, not -1.',
    ],
    ...['../x', 'a/b', '/etc/passwd', '..', '.hidden', 'a\0b', 'a\\b', ''].map(
      (name): [string, (m: Loose) => unknown, string] => [
        `the file name ${JSON.stringify(name)}`,
        (m) => set(m['files']!, name, { sha256: '0'.repeat(64), bytes: 1 }),
        `manifest.json: files has the key ${JSON.stringify(name)}, which must be a plain file name`,
      ],
    ),
    [
      'itself as a file',
      (m) => set(m['files']!, 'manifest.json', { sha256: '0'.repeat(64), bytes: 1 }),
      'manifest.json: files must not name manifest.json itself.',
    ],
  ];
  test.each(cases)('%s', (_, edit, sentence) => {
    const manifest = structuredClone(good) as unknown as Loose & Record<string, unknown>;
    edit(manifest);
    const refusal = refusalOf(JSON.stringify(manifest));
    expect(refusal).toContain(sentence);
    expect(refusal.split('\n')).toHaveLength(1);
  });
});

test('the number of further problems is told', () => {
  expect(refusalOf(JSON.stringify({ ...good, format: 2, id: 'X' }))).toBe(
    'manifest.json: format must be 1, not 2 (and 1 more problem).',
  );
});

test.each([
  ['a key of the prototype', '{"__proto__": {"format": 1}}', /uses the key "__proto__"/],
  ['a key twice', '{"format": 1, "format": 2}', /has the key "format" twice in one object/],
  ['10,000 levels', `{"evaluation": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`, /nests deeper than 64/],
  ['a list', '[]', /the content must be of type object, not \[\]/],
  ['nothing', '', /is not valid JSON/],
])('%s is refused', (_, text, sentence) => {
  expect(refusalOf(text)).toMatch(sentence);
});

test('the evaluation may hold any JSON', () => {
  const evaluation = { val: { accuracy: 0.97, runs: [1, 'two', null, true] }, constructor: 'text' };
  const bytes = new TextEncoder().encode(JSON.stringify({ ...good, evaluation }));
  expect(parseManifest(bytes).evaluation).toEqual(evaluation);
});

function set(target: Record<string, unknown>, key: string, value: unknown): unknown {
  return (target[key] = value);
}
