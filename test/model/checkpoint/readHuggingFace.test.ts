import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createTokenizer,
  openHuggingFace,
  parseTokenizer,
  readHuggingFace,
  type Encoder,
  type Matrix,
} from '../../../src/model/index.js';
import { tinyLabels, writeTinyCheckpoint, type TinyCheckpointOptions } from '../../support/tinyCheckpoint.js';
import { tinyPieces, tinyTokenizerJson } from '../../support/tinyTokenizerJson.js';

const root = mkdtempSync(join(tmpdir(), 'intentd-checkpoint-'));
let made = 0;

afterAll(() => {
  rmSync(root, { recursive: true });
});

function fresh(): string {
  made += 1;
  return join(root, `checkpoint-${made}`);
}

function written(options: TinyCheckpointOptions = {}): { folder: string; encoder: Encoder } {
  const folder = fresh();
  return { folder, encoder: writeTinyCheckpoint(folder, options) };
}

describe('a Hugging Face BERT checkpoint', () => {
  it('gives the encoder, the pooler and classifier as a head, and the labels', async () => {
    const { folder, encoder } = written();
    const model = await readHuggingFace(folder);
    expect(model.encoder).toEqual(encoder);
    expect(model.labels).toEqual(tinyLabels);
    expect(model.head).toMatchObject({
      intents: 5,
      background: 0,
      hidden: { size: 32, activation: 'tanh' },
    });
  });

  it.each([
    { what: 'without the prefix "bert."', options: { prefix: '' } },
    { what: 'in shards', options: { shards: 3 } },
    { what: 'with LayerNorms of gamma and beta', options: { oldNames: true } },
    { what: 'with padded word embeddings', options: { padding: 6 } },
    { what: 'with relu', options: { architecture: { activation: 'relu' } } },
    {
      what: 'of other sizes',
      options: { architecture: { layers: 3, hidden: 40, heads: 5, feedForward: 88 } },
    },
  ] satisfies { what: string; options: TinyCheckpointOptions }[])('is read $what', async ({ options }) => {
    const { folder, encoder } = written(options);
    expect((await readHuggingFace(folder)).encoder).toEqual(encoder);
  });

  it.each([
    { dtype: 'F16', precision: 2 ** -11 },
    { dtype: 'BF16', precision: 2 ** -7 },
  ] as const)('is read from $dtype', async ({ dtype, precision }) => {
    const { folder, encoder } = written({ dtype });
    const { word } = (await readHuggingFace(folder)).encoder;
    expect(word.data).not.toEqual(encoder.word.data);
    expect(furthest(word, encoder.word)).toBeLessThanOrEqual(precision);
  });

  it('is read through the links that a Hugging Face cache is made of', async () => {
    const { folder, encoder } = written();
    const linked = fresh();
    mkdirSync(linked);
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) {
      symlinkSync(join(folder, name), join(linked, name));
    }
    expect((await readHuggingFace(linked)).encoder).toEqual(encoder);
  });

  it('takes a name for gelu that newer versions use', async () => {
    const { folder } = written({ config: { hidden_act: 'gelu_pytorch_tanh' } });
    expect((await readHuggingFace(folder)).encoder.architecture.activation).toBe('gelu_new');
  });

  it('makes from a vocab.txt the tokenizer that a tokenizer.json would have been', async () => {
    const { folder } = written({ tokenizer: 'vocab.txt' });
    const { tokenizerFile } = await readHuggingFace(folder);
    const json = parseTokenizer(tokenizerFile, tinyPieces.length, 'tokenizer.json');
    const [built, real] = [json, tinyTokenizerJson()].map((one) => createTokenizer(one, { positions: 64 }));
    for (const text of ['Turn the LIGHTS off, please!', 'café 42', '[MASK] balance?', '北京']) {
      expect(built!.encode(text)).toEqual(real!.encode(text));
    }
  });

  it('keeps the case of letters where tokenizer_config.json says so', async () => {
    const { folder } = written({ tokenizer: 'vocab.txt' });
    writeFileSync(join(folder, 'tokenizer_config.json'), '{"do_lower_case": false}');
    const checkpoint = await openHuggingFace(folder);
    await checkpoint.close();
    expect(checkpoint.tokenizer.encode('PLAY').ids).toEqual(Int32Array.of(2, tinyPieces.indexOf('[UNK]'), 3));
  });
});

describe('a sentence-transformers folder', () => {
  function modules(folder: string, pooling: object, ...more: string[]): void {
    const list = [
      { path: '', type: 'sentence_transformers.models.Transformer' },
      { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
      ...more.map((name, at) => ({
        path: `${at + 2}_${name}`,
        type: `sentence_transformers.models.${name}`,
      })),
    ];
    writeFileSync(join(folder, 'modules.json'), JSON.stringify(list));
    mkdirSync(join(folder, '1_Pooling'));
    writeFileSync(join(folder, '1_Pooling', 'config.json'), JSON.stringify(pooling));
  }

  it('says how its BERT is pooled', async () => {
    const { folder } = written({ labels: [], prefix: '' });
    modules(folder, { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }, 'Normalize');
    const { encoder, head } = await readHuggingFace(folder);
    expect(encoder.architecture).toMatchObject({ pooling: 'mean', normalize: true });
    expect(head).toBeUndefined();
  });

  it('may pool by the first token, and keep its BERT in a folder', async () => {
    const folder = fresh();
    writeTinyCheckpoint(join(folder, '0_Transformer'), { labels: [], prefix: '' });
    modules(folder, { pooling_mode: 'cls' });
    const text = JSON.stringify([
      { path: '0_Transformer', type: 'sentence_transformers.models.Transformer' },
      { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    ]);
    writeFileSync(join(folder, 'modules.json'), text);
    const { architecture } = (await readHuggingFace(folder)).encoder;
    expect(architecture).toMatchObject({ pooling: 'cls', normalize: false });
  });

  it('is refused where it computes what a bundle cannot', async () => {
    const dense = written({ labels: [] }).folder;
    modules(dense, { pooling_mode_mean_tokens: true }, 'Dense');
    await expect(readHuggingFace(dense)).rejects.toThrow(/modules\.json: .*models\.Dense is none of them/);
    const largest = written({ labels: [] }).folder;
    modules(largest, { pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true });
    await expect(readHuggingFace(largest)).rejects.toThrow(/by cls alone, not mean_tokens and max_tokens/);
  });
});

describe('a checkpoint is refused with file, field and reason', () => {
  it.each([
    {
      why: 'another kind of model',
      config: { model_type: 'roberta' },
      says: /model_type must be "bert", not "roberta"/,
    },
    {
      why: 'relative positions',
      config: { position_embedding_type: 'relative_key' },
      says: /position_embedding_type/,
    },
    { why: 'an unknown activation', config: { hidden_act: 'silu' }, says: /hidden_act must be "gelu" or / },
    {
      why: 'a head for every token',
      config: { architectures: ['BertForTokenClassification'] },
      says: /must hold BertForSequenceClassification/,
    },
    {
      why: 'several labels at once',
      config: { problem_type: 'multi_label_classification' },
      says: /problem_type/,
    },
    {
      why: 'heads that do not divide',
      config: { num_attention_heads: 3 },
      says: /multiple of num_attention_heads 3/,
    },
    {
      why: 'labels with a gap',
      config: { id2label: { 0: 'a', 2: 'b' } },
      says: /id2label has 2 names but none for 1/,
    },
    {
      why: 'other sizes than the tensors',
      config: { intermediate_size: 128 },
      says: /intermediate\.dense\.weight must have the shape \[128, 32\]/,
    },
    {
      why: 'more layers than there are',
      config: { num_hidden_layers: 3 },
      says: /no tensor "bert\.encoder\.layer\.2/,
    },
    {
      why: 'a smaller vocabulary than the tokenizer',
      config: { vocab_size: 50 },
      says: /vocab_size in config\.json is 50/,
    },
  ])('$why', async ({ config, says }) => {
    const { folder } = written({ config });
    await expect(readHuggingFace(folder)).rejects.toThrow(says);
    await expect(readHuggingFace(folder)).rejects.toMatchObject({ code: 'bad_checkpoint' });
  });

  it('weights that are not finite', async () => {
    const { folder } = written({
      edit: (tensors) => {
        tensors.get('bert.encoder.layer.1.output.dense.weight')!.data[5] = Number.NaN;
      },
    });
    await expect(readHuggingFace(folder)).rejects.toThrow(
      /layer\.1\.output\.dense\.weight must be finite, and element 5 is NaN/,
    );
  });

  it('no encoder, no tensors, no tokenizer, a missing shard', async () => {
    const other = written({ prefix: 'distilbert.' }).folder;
    await expect(readHuggingFace(other)).rejects.toThrow(/holds no BERT encoder/);
    const bare = written().folder;
    rmSync(join(bare, 'model.safetensors'));
    await expect(readHuggingFace(bare)).rejects.toThrow(
      /neither model\.safetensors nor .*safe_serialization/,
    );
    const mute = written({ tokenizer: 'none' }).folder;
    await expect(readHuggingFace(mute)).rejects.toThrow(
      /neither tokenizer\.json nor vocab\.txt; write one with/,
    );
    const torn = written({ shards: 2 }).folder;
    renameSync(join(torn, 'model-00002-of-00002.safetensors'), join(torn, 'elsewhere'));
    await expect(readHuggingFace(torn)).rejects.toThrow(/model-00002-of-00002\.safetensors is missing/);
  });
});

function furthest(a: Matrix, b: Matrix): number {
  let most = 0;
  for (const [i, value] of a.data.entries()) {
    most = Math.max(most, Math.abs(value - b.data[i]!) / Math.max(1e-3, Math.abs(b.data[i]!)));
  }
  return most;
}
