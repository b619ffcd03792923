import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identifyBundle } from '../../src/daemon/bundles.js';
import { BundleStore } from '../../src/daemon/bundleStore.js';
import { writeTinyBundle } from '../support/tinyBundle.js';

const { signal } = new AbortController();

async function bundleAndStore() {
  const folder = mkdtempSync(join(tmpdir(), 'intentd-store-'));
  await writeTinyBundle(join(folder, 'bundle'));
  const identity = await identifyBundle(join(folder, 'bundle'));
  return { identity, store: new BundleStore(folder), kept: join(folder, 'models') };
}

describe('fault 16: the store of bundles', () => {
  it('copies a bundle as its manifest says, and keeps the copy that is whole', async () => {
    const { identity, store } = await bundleAndStore();
    const copy = await store.add(identity, signal);
    expect(readdirSync(copy).sort()).toEqual(readdirSync(identity.folder).sort());
    rmSync(identity.folder, { recursive: true });
    expect(await store.add(identity, signal)).toBe(copy);
  });

  it.each(['encoder.safetensors', 'head.safetensors', 'labels.json', 'tokenizer.json', 'golden.jsonl'])(
    'keeps nothing of a bundle whose %s is not what its manifest says',
    async (name) => {
      const { identity, store, kept } = await bundleAndStore();
      const bytes = readFileSync(join(identity.folder, name));
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(join(identity.folder, name), bytes);
      await expect(store.add(identity, signal)).rejects.toMatchObject({
        code: 'bad_bundle',
        message: expect.stringMatching(
          `${name} has the SHA-256 [0-9a-f]{64}, and manifest.json says`,
        ) as string,
      });
      expect(existsSync(kept) ? readdirSync(kept) : []).toEqual([]);
    },
  );

  it('copies a bundle again whose copy was damaged', async () => {
    const { identity, store } = await bundleAndStore();
    const copy = await store.add(identity, signal);
    const labels = readFileSync(join(copy, 'labels.json'));
    rmSync(join(copy, 'labels.json'));
    await store.add(identity, signal);
    expect(readFileSync(join(copy, 'labels.json'))).toEqual(labels);
  });
});
