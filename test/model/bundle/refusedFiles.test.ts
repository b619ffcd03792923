import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { readBundle } from '../../../src/model/index.js';
import { editManifest, expectRefusal, freshBundle, replaceFile } from '../../support/spoiledBundle.js';

const fresh = freshBundle();

describe('a bundle is refused for its files:', () => {
  test('a missing manifest', async () => {
    await rm(join(fresh.folder, 'manifest.json'));
    await expectRefusal(fresh.folder, /manifest\.json is missing/);
  });

  test.each(['encoder.safetensors', 'head.safetensors', 'labels.json', 'tokenizer.json', 'golden.jsonl'])(
    'a missing %s',
    async (name) => {
      await rm(join(fresh.folder, name));
      await expectRefusal(fresh.folder, new RegExp(`${name} is missing, and manifest.json names it`));
    },
  );

  test('a file of another length, before its content is hashed', async () => {
    await appendFile(join(fresh.folder, 'head.safetensors'), 'x');
    await expectRefusal(fresh.folder, /head\.safetensors is \d+ bytes long, and manifest\.json says \d+/);
  });

  test('a file with one bit changed', async () => {
    const bytes = await readFile(join(fresh.folder, 'encoder.safetensors'));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(join(fresh.folder, 'encoder.safetensors'), bytes);
    await expectRefusal(
      fresh.folder,
      /encoder\.safetensors has the SHA-256 [0-9a-f]{64}, and manifest\.json says/,
    );
  });

  test('a further file with one bit changed', async () => {
    await replaceFile(fresh.folder, 'README.md', 'Good.');
    await readBundle(fresh.folder);
    await writeFile(join(fresh.folder, 'README.md'), 'Gool.');
    await expectRefusal(fresh.folder, /README\.md has the SHA-256/);
  });

  test('a file that the manifest does not name', async () => {
    await writeFile(join(fresh.folder, 'extra.bin'), 'x');
    await expectRefusal(fresh.folder, /extra\.bin is in the folder, and manifest\.json does not name it/);
  });

  test('a symbolic link in place of a file', async () => {
    await rename(join(fresh.folder, 'labels.json'), join(fresh.base, 'elsewhere.json'));
    await symlink(join(fresh.base, 'elsewhere.json'), join(fresh.folder, 'labels.json'));
    await expectRefusal(fresh.folder, /labels\.json is a symbolic link/);
  });

  test('a symbolic link in place of the manifest', async () => {
    await rename(join(fresh.folder, 'manifest.json'), join(fresh.base, 'elsewhere.json'));
    await symlink(join(fresh.base, 'elsewhere.json'), join(fresh.folder, 'manifest.json'));
    await expectRefusal(fresh.folder, /manifest\.json is a symbolic link/);
  });

  test('a pipe in place of the manifest, without waiting for a writer', async () => {
    await rm(join(fresh.folder, 'manifest.json'));
    execFileSync('mkfifo', [join(fresh.folder, 'manifest.json')]);
    await expectRefusal(fresh.folder, /manifest\.json is not a regular file/);
  });

  test('a folder in place of a file', async () => {
    await rm(join(fresh.folder, 'golden.jsonl'));
    await mkdir(join(fresh.folder, 'golden.jsonl'));
    await expectRefusal(fresh.folder, /golden\.jsonl is not a regular file/);
  });

  test('a manifest of more than 1 MiB', async () => {
    await appendFile(join(fresh.folder, 'manifest.json'), ' '.repeat(1 << 20));
    await expectRefusal(fresh.folder, /manifest\.json is \d+ bytes long, and at most 1048576 were expected/);
  });
});

describe('a bundle is refused where fields of the manifest contradict each other:', () => {
  test('more sparsity claimed than the packed layers have', async () => {
    await editManifest(fresh.folder, ({ sparsity }) => {
      sparsity.achieved += 0.0002;
    });
    await expectRefusal(
      fresh.folder,
      /manifest\.json: sparsity\.achieved is 0\.\d+, and the layers of sparsity\.layers/,
    );
  });

  test('a sparse layer that the encoder does not have', async () => {
    await editManifest(fresh.folder, ({ sparsity }) => {
      sparsity.layers[0] = 'layer.2.output';
    });
    await expectRefusal(
      fresh.folder,
      /manifest\.json: sparsity\.layers names layer\.2\.output, and the encoder has 2/,
    );
  });

  test('a background score without background rows', async () => {
    await editManifest(fresh.folder, (manifest) => {
      manifest.head.background = 0;
    });
    await expectRefusal(
      fresh.folder,
      /manifest\.json: decision\.outOfScope\.score "background" needs head\.background/,
    );
  });
});
