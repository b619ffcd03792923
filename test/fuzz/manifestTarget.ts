import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseManifest } from '../../src/model/index.js';
import { writeTinyBundle } from '../support/tinyBundle.js';
import { jsonOf, mutateBytes, mutateJson, pick } from './mutate.js';
import { codeOf, promise, type FuzzTarget } from './target.js';

const root = new URL('../../../../', import.meta.url);

/** `manifest.json` of a bundle. */
export async function manifestTarget(): Promise<FuzzTarget> {
  const folder = join(mkdtempSync(join(tmpdir(), 'intentd-fuzz-')), 'bundle');
  await writeTinyBundle(folder);
  const examples = [
    readFileSync(join(folder, 'manifest.json')),
    readFileSync(new URL('models/clinc150-minilm-l6/manifest.json', root)),
  ];
  const values = examples.map((bytes) => JSON.parse(bytes.toString()) as unknown);
  return {
    name: 'manifest',
    tryOne: (random) => {
      const bytes =
        random() < 0.7
          ? jsonOf(mutateJson(pick(random, values), random))
          : mutateBytes(pick(random, examples), examples, random);
      return Promise.resolve(read(bytes));
    },
  };
}

function read(bytes: Uint8Array): string {
  let manifest;
  try {
    manifest = parseManifest(bytes);
  } catch (error) {
    return codeOf(error);
  }
  for (const [name, { bytes: size, sha256 }] of Object.entries(manifest.files)) {
    promise(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) && name !== 'manifest.json',
      `a file is called ${name}`,
    );
    promise(Number.isSafeInteger(size) && size >= 0 && size <= 1 << 30, `${name} has ${size} bytes`);
    promise(/^[0-9a-f]{64}$/.test(sha256), `${name} has no SHA-256`);
  }
  promise(Object.keys(manifest.files).length <= 32, 'it has more than 32 files');
  promise(/^[a-z0-9][a-z0-9._-]*$/.test(manifest.id), `its id is ${manifest.id}`);
  const again = parseManifest(Buffer.from(JSON.stringify(manifest)));
  promise(JSON.stringify(again) === JSON.stringify(manifest), 'it reads differently the second time');
  return 'accepted';
}
