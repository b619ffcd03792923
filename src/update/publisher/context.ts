import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  IntentdError,
  parseJson,
  parseWith,
  readRegularFile,
  writeFileAtomic,
  type Clock,
} from '../../base/index.js';
import type { TopRole } from '../format/index.js';
import { Keyring, type KeyFolder } from './keyring.js';
import { Repository } from './repository.js';

const settingsFile = 'publisher.json';
const rootFile = 'root.json';
const maxBytes = 1 << 20;

/** Days for which the metadata of a role is good; families have those of `targets`. */
export type Lifetimes = Readonly<Record<TopRole, number>>;

export const defaultLifetimes: Lifetimes = { root: 365, targets: 180, snapshot: 14, timestamp: 14 };

const days = z.int().min(1).max(3650);
const settingsSchema = z.strictObject({
  format: z.literal(1),
  lifetimeDays: z.strictObject({ root: days, targets: days, snapshot: days, timestamp: days }),
});

export interface PublisherOptions {
  readonly repository: string;
  readonly keys: KeyFolder;
  readonly rootKeys?: readonly KeyFolder[];
  readonly clock: Pick<Clock, 'wall'>;
  /** Cost of scrypt for new keys. */
  readonly keyCost?: number;
}

/** What every command of the publisher works with. */
export interface PublisherContext {
  readonly repository: Repository;
  readonly keyring: Keyring;
  readonly keysFolder: string;
  readonly clock: Pick<Clock, 'wall'>;
}

export async function openContext(options: PublisherOptions): Promise<PublisherContext> {
  const keyring = await Keyring.open({
    folders: [options.keys],
    rootFolders: options.rootKeys ?? [],
    ...(options.keyCost === undefined ? {} : { cost: options.keyCost }),
  });
  return {
    repository: new Repository(options.repository),
    keyring,
    keysFolder: options.keys.folder,
    clock: options.clock,
  };
}

/**
 * The root that this publisher trusts: it lies with the keys, out of reach of who changes the server.
 *
 * @throws IntentdError `not_initialized`
 */
export async function readTrustedRoot({ keysFolder }: PublisherContext): Promise<Uint8Array> {
  return readKept(keysFolder, rootFile);
}

export async function writeTrustedRoot({ keysFolder }: PublisherContext, bytes: Uint8Array): Promise<void> {
  await mkdir(keysFolder, { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(keysFolder, rootFile), bytes);
}

export async function readLifetimes({ keysFolder }: PublisherContext): Promise<Lifetimes> {
  const bytes = await readKept(keysFolder, settingsFile);
  const data = parseJson(bytes, { name: settingsFile });
  return parseWith(settingsSchema, data, settingsFile, 'bad_file').lifetimeDays;
}

export async function writeLifetimes(
  { keysFolder }: PublisherContext,
  lifetimeDays: Lifetimes,
): Promise<void> {
  const settings = parseWith(settingsSchema, { format: 1, lifetimeDays }, 'The lifetimes', 'usage');
  await mkdir(keysFolder, { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(keysFolder, settingsFile), `${JSON.stringify(settings, null, 2)}\n`);
}

async function readKept(folder: string, name: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(join(folder, name), { maxBytes, name: join(folder, name) });
  } catch (cause) {
    throw new IntentdError(
      'not_initialized',
      `${join(folder, name)} cannot be read: name the folder that intentd publish init made with --keys.`,
      { cause },
    );
  }
}
