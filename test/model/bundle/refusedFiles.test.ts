import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { readBundle } from '../../../src/model/index.js';
import { writeTinyBundle } from '../../support/tinyBundle.js';
import { editManifest, expectRefusal, replaceFile } from './spoil.js';

let base: string;
let folder: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'bundle-'));
  folder = join(base, 'tiny');
  await writeTinyBundle(folder);
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

describe('a bundle is refused for its files:', () => {
  test('a missing manifest', async () => {
    await rm(join(folder, 'manifest.json'));
    await expectRefusal(folder, /manifest\.json is missing/);
  });

  test.each(['encoder.safetensors', 'head.safetensors', 'labels.json', 'tokenizer.json', 'golden.jsonl'])(
    'a missing %s',
    async (name) => {
      await rm(join(folder, name));
      await expectRefusal(folder, new RegExp(`${name} is missing, and manifest.json names it`));
    },
  );

  test('a file of another length, before its content is hashed', async () => {
    await appendFile(join(folder, 'head.safetensors'), 'x');
    await expectRefusal(folder, /head\.safetensors is \d+ bytes long, and manifest\.json says \d+/);
  });

  test('a file with one bit changed', async () => {
    const bytes = await readFile(join(folder, 'encoder.safetensors'));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(join(folder, 'encoder.safetensors'), bytes);
    await expectRefusal(folder, /encoder\.safetensors has the SHA-256 [0-9a-f]{64}, and manifest\.json says/);
  });

  test('a further file with one bit changed', async () => {
    await replaceFile(folder, 'README.md', 'Good.');
    await readBundle(folder);
    await writeFile(join(folder, 'README.md'), 'Gool.');
    await expectRefusal(folder, /README\.md has the SHA-256/);
  });

  test('a file that the manifest does not name', async () => {
    await writeFile(join(folder, 'extra.bin'), 'x');
    await expectRefusal(folder, /extra\.bin is in the folder, and manifest\.json does not name it/);
  });

  test('a symbolic link in place of a file', async () => {
    await rename(join(folder, 'labels.json'), join(base, 'elsewhere.json'));
    await symlink(join(base, 'elsewhere.json'), join(folder, 'labels.json'));
    await expectRefusal(folder, /labels\.json is a symbolic link/);
  });

  test('a symbolic link in place of the manifest', async () => {
    await rename(join(folder, 'manifest.json'), join(base, 'elsewhere.json'));
    await symlink(join(base, 'elsewhere.json'), join(folder, 'manifest.json'));
    await expectRefusal(folder, /manifest\.json is a symbolic link/);
  });

  test('a pipe in place of the manifest, without waiting for a writer', async () => {
    await rm(join(folder, 'manifest.json'));
    execFileSync('mkfifo', [join(folder, 'manifest.json')]);
    await expectRefusal(folder, /manifest\.json is not a regular file/);
  });

  test('a folder in place of a file', async () => {
    await rm(join(folder, 'golden.jsonl'));
    await mkdir(join(folder, 'golden.jsonl'));
    await expectRefusal(folder, /golden\.jsonl is not a regular file/);
  });

  test('a manifest of more than 1 MiB', async () => {
    await appendFile(join(folder, 'manifest.json'), ' '.repeat(1 << 20));
    await expectRefusal(folder, /manifest\.json is \d+ bytes long, and at most 1048576 were expected/);
  });
});

describe('a bundle is refused where fields of the manifest contradict each other:', () => {
  test('more sparsity claimed than the packed layers have', async () => {
    await editManifest(folder, ({ sparsity }) => {
      sparsity.achieved += 0.0002;
    });
    await expectRefusal(
      folder,
      /manifest\.json: sparsity\.achieved is 0\.\d+, and the layers of sparsity\.layers/,
    );
  });

  test('a sparse layer that the encoder does not have', async () => {
    await editManifest(folder, ({ sparsity }) => {
      sparsity.layers[0] = 'layer.2.output';
    });
    await expectRefusal(
      folder,
      /manifest\.json: sparsity\.layers names layer\.2\.output, and the encoder has 2/,
    );
  });

  test('a background score without background rows', async () => {
    await editManifest(folder, (manifest) => {
      manifest.head.background = 0;
    });
    await expectRefusal(
      folder,
      /manifest\.json: decision\.outOfScope\.score "background" needs head\.background/,
    );
  });
});
