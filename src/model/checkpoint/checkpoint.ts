import { join } from 'node:path';
import { IntentdError, parseJson } from '../../base/index.js';
import { parseTokenizer } from '../bundle/tokenizerVocabulary.js';
import type { Architecture, AttentionPattern, Encoder, EncoderLayer, Head } from '../encoder.js';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.js';
import { parseConfig, type CheckpointConfig } from './config.js';
import { readModules, type FolderModules } from './pooling.js';
import { openTensorFiles, type TensorFiles } from './tensorFiles.js';
import { readTokenizerFile } from './tokenizerFile.js';
import { encoderPrefix, readEmbeddings, readHead, readLayer, type Embeddings } from './weights.js';
import { readInput } from './inputFile.js';

/** Hugging Face's BERT attends from every token to every token. */
export const denseAttention: AttentionPattern = { windowEachSide: -1, globalTokens: 0 };

/** An open Hugging Face folder; weights are read when they are asked for, and not kept. */
export interface Checkpoint {
  readonly folder: string;
  readonly architecture: Architecture;
  /** From the classifier's `id2label`; absent if there is no head or it has no names. */
  readonly labels?: readonly string[];
  readonly head?: Head;
  readonly tokenizer: Tokenizer;
  /** Bytes for a bundle's `tokenizer.json`. */
  readonly tokenizerFile: Uint8Array;
  embeddings(): Promise<Embeddings>;
  layer(index: number): Promise<EncoderLayer>;
  close(): Promise<void>;
}

/** What {@link readHuggingFace} gives: a whole checkpoint in memory. */
export interface HuggingFaceModel {
  readonly encoder: Encoder;
  readonly head?: Head;
  readonly labels?: readonly string[];
  readonly tokenizerFile: Uint8Array;
}

/**
 * Opens a folder of Hugging Face form with a BERT encoder: `config.json` of type `bert`,
 * `model.safetensors` (or shards), and `tokenizer.json` (or `vocab.txt`).
 *
 * With a classifier (`BertForSequenceClassification`) the embedding is the first token's vector and the
 * pooler is the head's hidden layer; without, pooling follows the folder's sentence-transformers
 * modules, or is the mean.
 *
 * @throws IntentdError `bad_checkpoint` and others, naming the file and the field.
 */
export async function openHuggingFace(folder: string): Promise<Checkpoint> {
  const modules = await readModules(folder);
  const at = modules.bertFolder;
  const configFile = join(at, 'config.json');
  const config = parseConfig(await readInput(configFile, 16 << 20), configFile);
  const tokens = await readTokens(at, config);
  const files = await openTensorFiles(at);
  try {
    const prefix = encoderPrefix(files, at);
    const shape = { ...config.encoder, vocabulary: tokens.tokenizer.vocabularySize };
    checkClasses(config, files, configFile);
    const head = await readHead(files, prefix, shape, at);
    const rows = config.encoder.vocabulary;
    return {
      folder,
      architecture: architectureOf(shape, modules, head),
      ...(head === undefined ? {} : { head }),
      ...(head === undefined || config.labels === undefined ? {} : { labels: config.labels }),
      ...tokens,
      embeddings: () => readEmbeddings(files, prefix, shape, rows),
      layer: (index) => readLayer(files, prefix, shape, index),
      close: () => files.close(),
    };
  } catch (error) {
    await files.close();
    throw error;
  }
}

/**
 * Reads a whole checkpoint into memory, in floating point: see {@link openHuggingFace}.
 *
 * @throws IntentdError `bad_checkpoint` and others, naming the file and the field.
 */
export async function readHuggingFace(folder: string): Promise<HuggingFaceModel> {
  const checkpoint = await openHuggingFace(folder);
  try {
    const { architecture, head, labels, tokenizerFile } = checkpoint;
    const layers: EncoderLayer[] = [];
    for (let index = 0; index < architecture.layers; index++) layers.push(await checkpoint.layer(index));
    return {
      encoder: { architecture, attention: denseAttention, ...(await checkpoint.embeddings()), layers },
      ...(head === undefined ? {} : { head }),
      ...(labels === undefined ? {} : { labels }),
      tokenizerFile,
    };
  } finally {
    await checkpoint.close();
  }
}

/** The tokenizer may have fewer tokens than the embeddings have rows, which some checkpoints pad. */
async function readTokens(
  folder: string,
  config: CheckpointConfig,
): Promise<Pick<Checkpoint, 'tokenizer' | 'tokenizerFile'>> {
  const { positions, vocabulary } = config.encoder;
  const name = join(folder, 'tokenizer.json');
  const tokenizerFile = await readTokenizerFile(folder);
  const tokenizer = createTokenizer(parseJson(tokenizerFile, { name }), { positions });
  if (tokenizer.vocabularySize > vocabulary) {
    throw new IntentdError(
      'bad_checkpoint',
      `${name} has ids up to ${tokenizer.vocabularySize - 1}, and vocab_size in config.json is ${vocabulary}.`,
    );
  }
  parseTokenizer(tokenizerFile, tokenizer.vocabularySize, name);
  return { tokenizer, tokenizerFile };
}

/** Other heads have a tensor `classifier` too: a head for every token, or one for pairs of texts. */
function checkClasses({ classes }: CheckpointConfig, files: TensorFiles, file: string): void {
  if (!files.names.has('classifier.weight')) return;
  const wanted = 'BertForSequenceClassification';
  if (classes.length > 0 && !classes.includes(wanted)) {
    throw new IntentdError(
      'bad_checkpoint',
      `${file}: architectures must hold ${wanted} for a checkpoint with a classifier, not ${classes.join(', ')}.`,
    );
  }
}

function architectureOf(
  shape: CheckpointConfig['encoder'],
  modules: FolderModules,
  head: Head | undefined,
): Architecture {
  if (head !== undefined) return { ...shape, pooling: 'cls', normalize: false };
  return { ...shape, pooling: modules.pooling, normalize: modules.normalize };
}
