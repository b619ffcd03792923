import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { readBundle, sparseShare, type Tensor } from '../../../src/model/index.js';
import {
  editManifest,
  editTensors,
  expectRefusal,
  freshBundle,
  replaceFile,
  setValue,
} from '../../support/spoiledBundle.js';

const encoder = 'encoder.safetensors';
const head = 'head.safetensors';

const fresh = freshBundle();

describe('a bundle is refused for its encoder:', () => {
  const values: [string, string, number, number, RegExp][] = [
    [
      'NaN in a bias',
      'layer.0.output.bias',
      3,
      NaN,
      /has NaN at element 3 of tensor "layer\.0\.output\.bias"/,
    ],
    [
      'an infinity in a LayerNorm',
      'embeddings.norm.weight',
      0,
      Infinity,
      /has Infinity at element 0 of tensor "embeddings\.norm\.weight"/,
    ],
    [
      'NaN in a scale',
      'layer.1.intermediate.scale',
      5,
      NaN,
      /has NaN at element 5 of tensor "layer\.1\.intermediate\.scale"/,
    ],
    [
      'a scale of zero',
      'embeddings.word.scale',
      7,
      0,
      /has 0 at element 7 of tensor "embeddings\.word\.scale", and every scale must be above zero/,
    ],
    [
      'a negative scale',
      'layer.0.attention.query.scale',
      1,
      -1,
      /has -1 at element 1 of tensor "layer\.0\.attention\.query\.scale"/,
    ],
    [
      'an activation step of zero',
      'layer.1.activation.context',
      0,
      0,
      /has 0 at element 0 of tensor "layer\.1\.activation\.context"/,
    ],
    [
      '-128 in a dense matrix',
      'layer.0.attention.key.weight',
      9,
      -128,
      /has -128 at element 9 of tensor "layer\.0\.attention\.key\.weight"/,
    ],
    [
      '-128 in a packed matrix',
      'layer.0.output.values',
      2,
      -128,
      /has -128 at element 2 of tensor "layer\.0\.output\.values"/,
    ],
    [
      '-128 in the embeddings',
      'embeddings.position.weight',
      0,
      -128,
      /has -128 at element 0 of tensor "embeddings\.position\.weight"/,
    ],
    [
      'packed positions that do not ascend',
      'layer.0.output.positions',
      0,
      0b0000_0101,
      /layer\.0\.output has positions 1 and 1 in group 0/,
    ],
  ];
  test.each(values)('%s', async (_, tensor, at, value, sentence) => {
    await editTensors(fresh.folder, encoder, (tensors) => {
      setValue(tensors, tensor, at, value);
    });
    await expectRefusal(fresh.folder, new RegExp(`encoder\\.safetensors:? .*${sentence.source}`));
  });

  const cases: [string, (tensors: Map<string, Tensor>) => unknown, RegExp][] = [
    [
      'a missing tensor',
      (t) => t.delete('embeddings.norm.bias'),
      /lacks the tensor "embeddings\.norm\.bias"/,
    ],
    [
      'an additional tensor',
      (t) => t.set('pooler.bias', { dtype: 'F32', shape: [1], data: new Float32Array(1) }),
      /has the tensor "pooler\.bias", which the format does not know/,
    ],
    [
      'a tensor of another shape',
      (t) => t.set('embeddings.norm.bias', { dtype: 'F32', shape: [33], data: new Float32Array(33) }),
      /has tensor "embeddings\.norm\.bias" as F32 \[33\], and F32 \[32\] was expected/,
    ],
    [
      'a tensor of the same size in another shape',
      (t) => {
        const { data } = t.get('embeddings.tokenType.weight') as Tensor & { data: Float32Array };
        t.set('embeddings.tokenType.weight', { dtype: 'F32', shape: [32, 2], data });
      },
      /has tensor "embeddings\.tokenType\.weight" as F32 \[32, 2\], and F32 \[2, 32\] was expected/,
    ],
    [
      'a tensor of another type',
      (t) => t.set('embeddings.norm.bias', { dtype: 'F16', shape: [32], data: new Uint16Array(32) }),
      /has tensor "embeddings\.norm\.bias" as F16 \[32\], and F32 \[32\] was expected/,
    ],
  ];
  test.each(cases)('%s', async (_, edit, sentence) => {
    await editTensors(fresh.folder, encoder, edit);
    await expectRefusal(fresh.folder, new RegExp(`encoder\\.safetensors:? .*${sentence.source}`));
  });

  test('a packed layer that sparsity.layers does not name', async () => {
    await editManifest(fresh.folder, ({ sparsity, architecture }) => {
      sparsity.layers.splice(sparsity.layers.indexOf('layer.0.output'), 1);
      sparsity.achieved = sparseShare(architecture, sparsity.layers);
    });
    await expectRefusal(
      fresh.folder,
      /encoder\.safetensors has layer\.0\.output packed, and sparsity\.layers/,
    );
  });

  test('a dense layer that sparsity.layers names', async () => {
    await editManifest(fresh.folder, ({ sparsity, architecture }) => {
      sparsity.layers.push('layer.0.attention.query');
      sparsity.achieved = sparseShare(architecture, sparsity.layers);
    });
    await expectRefusal(fresh.folder, /encoder\.safetensors has no packed layer layer\.0\.attention\.query/);
  });

  test('a header that claims more than the file', async () => {
    const bytes = await readFile(join(fresh.folder, encoder));
    bytes.writeBigUInt64LE(2n ** 63n);
    await replaceFile(fresh.folder, encoder, bytes);
    await expectRefusal(fresh.folder, /encoder\.safetensors claims a header of 9223372036854775808 bytes/);
  });
});

describe('a bundle is refused for its head:', () => {
  test('fitted on another encoder', async () => {
    await editTensors(fresh.folder, head, (_, metadata) => {
      metadata['encoder'] = 'f'.repeat(64);
    });
    await expectRefusal(
      fresh.folder,
      /head\.safetensors names the encoder "f{64}" in __metadata__, and [0-9a-f]{64}/,
    );
  });

  test('that names no encoder', async () => {
    await editTensors(fresh.folder, head, (_, metadata) => {
      delete metadata['encoder'];
    });
    await expectRefusal(fresh.folder, /head\.safetensors names no encoder in __metadata__/);
  });

  test('rows for another number of intents', async () => {
    await replaceFile(fresh.folder, 'labels.json', JSON.stringify({ intents: ['play_music', 'weather'] }));
    await replaceFile(fresh.folder, 'golden.jsonl', '');
    await expectRefusal(
      fresh.folder,
      /head\.safetensors has 5 output rows, and 2 intents of labels\.json and 1 background rows were expected/,
    );
  });

  test('another hidden size than the manifest says', async () => {
    await editManifest(fresh.folder, (manifest) => {
      manifest.head = { type: 'mlp', hidden: 8, activation: 'gelu', background: 1 };
    });
    await expectRefusal(
      fresh.folder,
      /head\.safetensors has tensor "hidden\.weight" as F32 \[16, 32\], and F16 or F32 \[8, 32\]/,
    );
  });

  test('a hidden layer where the manifest says linear', async () => {
    await editManifest(fresh.folder, (manifest) => {
      manifest.head = { type: 'linear', background: 1 };
    });
    await expectRefusal(
      fresh.folder,
      /head\.safetensors has tensor "output\.weight" as F32 \[5, 16\].*\[5, 32\]/,
    );
  });

  test('NaN in its weights', async () => {
    await editTensors(fresh.folder, head, (tensors) => {
      setValue(tensors, 'output.weight', 4, NaN);
    });
    await expectRefusal(fresh.folder, /head\.safetensors has NaN at element 4 of tensor "output\.weight"/);
  });

  test('centroids that are not of unit length', async () => {
    await editTensors(fresh.folder, head, (tensors) => {
      setValue(tensors, 'centroids', 32, 3);
    });
    await expectRefusal(fresh.folder, /head\.safetensors has row 1 of tensor "centroids" with length 3\./);
  });

  test('no centroids where the decision needs them', async () => {
    await editTensors(fresh.folder, head, (tensors) => {
      tensors.delete('centroids');
    });
    await readBundle(fresh.folder);
    await editManifest(fresh.folder, ({ decision }) => {
      decision.outOfScope.score = 'centroid';
    });
    await expectRefusal(fresh.folder, /head\.safetensors: lacks the tensor "centroids"/);
  });
});
