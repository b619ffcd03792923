import { join } from 'node:path';
import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';
import type { Architecture } from '../encoder.js';
import { isFile, readInput } from './inputFile.js';

/** Where a checkpoint's BERT lies and how its token vectors become one embedding. */
export interface FolderModules {
  readonly bertFolder: string;
  readonly pooling: Architecture['pooling'];
  readonly normalize: boolean;
}

const maxBytes = 1 << 20;
const moduleFolder = z.string().regex(/^([A-Za-z0-9][A-Za-z0-9._-]*)?$/, 'a plain folder name');
const modulesSchema = z.array(z.object({ path: moduleFolder, type: z.string() })).min(1);
/** Newer versions name one `pooling_mode`, older ones switch one of several on. */
const poolingSchema = z.looseObject({ pooling_mode: z.string().optional() });

/**
 * Reads the `modules.json` of a sentence-transformers folder; a folder without one is a plain BERT,
 * pooled by the mean over its tokens.
 *
 * @throws IntentdError `bad_checkpoint` for a module or pooling that a bundle cannot say.
 */
export async function readModules(folder: string): Promise<FolderModules> {
  const path = join(folder, 'modules.json');
  if (!(await isFile(path))) return { bertFolder: folder, pooling: 'mean', normalize: false };
  const modules = await readJson(path, modulesSchema);
  let found: FolderModules = { bertFolder: folder, pooling: 'mean', normalize: false };
  for (const { type, path: at } of modules) {
    const kind = type.split('.').at(-1);
    if (kind === 'Transformer') found = { ...found, bertFolder: join(folder, at) };
    else if (kind === 'Pooling') found = { ...found, pooling: await readPooling(join(folder, at)) };
    else if (kind === 'Normalize') found = { ...found, normalize: true };
    else {
      throw new IntentdError(
        'bad_checkpoint',
        `${path}: expected Transformer, Pooling and Normalize modules, and ${type} is none of them.`,
      );
    }
  }
  return found;
}

async function readPooling(folder: string): Promise<Architecture['pooling']> {
  const path = join(folder, 'config.json');
  const config = await readJson(path, poolingSchema);
  const switched = Object.keys(config)
    .filter((key) => key.startsWith('pooling_mode_') && config[key] === true)
    .map((key) => key.slice('pooling_mode_'.length));
  const modes = config.pooling_mode === undefined ? switched : [config.pooling_mode];
  if (modes.length === 1 && ['mean', 'mean_tokens'].includes(modes[0]!)) return 'mean';
  if (modes.length === 1 && ['cls', 'cls_token'].includes(modes[0]!)) return 'cls';
  throw new IntentdError(
    'bad_checkpoint',
    `${path}: expected pooling by mean or by cls alone, not ${modes.join(' and ') || 'none'}.`,
  );
}

async function readJson<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T>> {
  const bytes = await readInput(path, maxBytes);
  return parseWith(schema, parseJson(bytes, { name: path }), path, 'bad_checkpoint');
}
