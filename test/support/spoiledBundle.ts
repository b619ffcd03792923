import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { sha256 } from '../../src/base/index.js';
import {
  encodeSafetensors,
  type Manifest,
  readBundle,
  Safetensors,
  type Tensor,
  type TensorInfo,
} from '../../src/model/index.js';
import { writeTinyBundle } from './tinyBundle.js';

/** A whole tiny bundle before each test of the file, in a folder of its own, to be spoiled. */
export function freshBundle(): { readonly base: string; readonly folder: string } {
  const fresh = { base: '', folder: '' };
  beforeEach(async () => {
    fresh.base = await mkdtemp(join(tmpdir(), 'bundle-'));
    fresh.folder = join(fresh.base, 'tiny');
    await writeTinyBundle(fresh.folder);
  });
  afterEach(async () => {
    await rm(fresh.base, { recursive: true });
  });
  return fresh;
}

/** The whole bundle is refused, with one sentence. */
export async function expectRefusal(folder: string, sentence: RegExp): Promise<void> {
  await expect(readBundle(folder)).rejects.toMatchObject({
    name: 'IntentdError',
    code: 'bad_bundle',
    message: expect.stringMatching(sentence) as string,
  });
}

/** Replaces a file and makes the manifest vouch for it, as whoever sends a hostile bundle would. */
export async function replaceFile(folder: string, name: string, data: Uint8Array | string): Promise<void> {
  await writeFile(join(folder, name), data);
  await editManifest(folder, (manifest) => {
    manifest.files[name] = { sha256: sha256(data), bytes: Buffer.byteLength(data) };
  });
}

/** Changes a manifest; `edit` may make it wrong. */
export async function editManifest(folder: string, edit: (manifest: Manifest) => void): Promise<void> {
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  edit(manifest);
  await writeFile(path, JSON.stringify(manifest));
}

/** Changes the tensors or the metadata of a safetensors file of a bundle. */
export async function editTensors(
  folder: string,
  name: string,
  edit: (tensors: Map<string, Tensor>, metadata: Record<string, string>) => void,
): Promise<void> {
  const file = new Safetensors(new Uint8Array(await readFile(join(folder, name))), name);
  const tensors = new Map([...file.tensors].map(([tensor, info]) => [tensor, copyOf(file, tensor, info)]));
  const metadata = Object.fromEntries(file.metadata);
  edit(tensors, metadata);
  await replaceFile(folder, name, encodeSafetensors(tensors, metadata));
}

/** Changes one value of a tensor that a bundle's file has. */
export function setValue(tensors: Map<string, Tensor>, name: string, at: number, value: number): void {
  const tensor = tensors.get(name);
  if (!tensor || tensor.dtype === 'I64') {
    throw new Error(`no tensor ${name} to change`);
  }
  tensor.data[at] = value;
}

function copyOf(file: Safetensors, name: string, { dtype, shape }: TensorInfo): Tensor {
  switch (dtype) {
    case 'I8':
      return { dtype, shape, data: file.int8(name).slice() };
    case 'U8':
      return { dtype, shape, data: file.uint8(name).slice() };
    default:
      return { dtype: 'F32', shape, data: file.float32(name).slice() };
  }
}
