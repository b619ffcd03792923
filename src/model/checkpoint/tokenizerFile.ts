import { join } from 'node:path';
import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';
import { isFile, readInput } from './inputFile.js';

const maxBytes = 64 << 20;
const settingsSchema = z.object({
  do_lower_case: z.boolean().default(true),
  tokenize_chinese_chars: z.boolean().default(true),
  strip_accents: z.boolean().nullish(),
  do_basic_tokenize: z.literal(true).default(true),
});
type Settings = z.infer<typeof settingsSchema>;
const specialTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

/**
 * The bytes of the checkpoint's `tokenizer.json`; where there is only a `vocab.txt`, the file that
 * transformers' `BertTokenizerFast` would save for it.
 *
 * @throws IntentdError `bad_checkpoint` if there is neither, or the vocabulary lacks a special token.
 */
export async function readTokenizerFile(folder: string): Promise<Uint8Array> {
  const ready = join(folder, 'tokenizer.json');
  if (await isFile(ready)) return readInput(ready, maxBytes);
  const vocabulary = join(folder, 'vocab.txt');
  if (!(await isFile(vocabulary))) {
    throw new IntentdError(
      'bad_checkpoint',
      `${folder} has neither tokenizer.json nor vocab.txt; write one with AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER).`,
    );
  }
  const bytes = await readInput(vocabulary, maxBytes);
  const json = tokenizerFromVocabulary(
    vocabularyIds(bytes, vocabulary),
    await readSettings(folder),
    vocabulary,
  );
  return new TextEncoder().encode(JSON.stringify(json));
}

async function readSettings(folder: string): Promise<Settings> {
  const path = join(folder, 'tokenizer_config.json');
  if (!(await isFile(path))) return settingsSchema.parse({});
  const bytes = await readInput(path, maxBytes);
  return parseWith(settingsSchema, parseJson(bytes, { name: path }), path, 'bad_checkpoint');
}

function vocabularyIds(bytes: Uint8Array, file: string): ReadonlyMap<string, number> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new IntentdError('bad_checkpoint', `${file} is not valid UTF-8.`, { cause });
  }
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const ids = new Map<string, number>();
  for (const [id, token] of lines.entries()) {
    if (ids.has(token)) {
      throw new IntentdError(
        'bad_checkpoint',
        `${file}: line ${id + 1} repeats the token ${JSON.stringify(token)}.`,
      );
    }
    ids.set(token, id);
  }
  return ids;
}

function tokenizerFromVocabulary(
  vocabulary: ReadonlyMap<string, number>,
  settings: Settings,
  file: string,
): object {
  const idOf = (token: string): number => {
    const id = vocabulary.get(token);
    if (id === undefined) throw new IntentdError('bad_checkpoint', `${file} lacks the token ${token}.`);
    return id;
  };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const special = (token: string): object => ({ id: token, ids: [idOf(token)], tokens: [token] });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content) => ({ id: idOf(content), content, ...flags })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.tokenize_chinese_chars,
      strip_accents: settings.strip_accents ?? null,
      lowercase: settings.do_lower_case,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
        { Sequence: { id: 'B', type_id: 1 } },
        { SpecialToken: { id: '[SEP]', type_id: 1 } },
      ],
      special_tokens: { '[CLS]': special('[CLS]'), '[SEP]': special('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary),
    },
  };
}
