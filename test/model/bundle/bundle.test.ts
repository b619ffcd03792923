import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBundle, writeBundle } from '../../../src/model/index.js';
import { tinyParts, writeTinyBundle } from '../../support/tinyBundle.js';

let base: string;
let folder: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'bundle-'));
  folder = join(base, 'tiny');
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

test('what is written is read back exactly', async () => {
  const parts = tinyParts();
  const manifest = await writeBundle(folder, parts);
  const bundle = await readBundle(folder);
  expect(bundle.manifest).toEqual(manifest);
  expect(bundle.encoder).toEqual(parts.encoder);
  expect(bundle.head).toEqual({ ...parts.head, encoder: manifest.files['encoder.safetensors']!.sha256 });
  expect(bundle.labels).toEqual(parts.labels);
  expect(bundle.tokenizerJson).toEqual(parts.tokenizerJson);
  expect(bundle.golden).toEqual(parts.golden);
});

test('the same parts give the same digest', async () => {
  await writeTinyBundle(folder);
  await writeTinyBundle(join(base, 'again'));
  expect((await readBundle(folder)).digest).toBe((await readBundle(join(base, 'again'))).digest);
});
