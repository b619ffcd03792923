import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { IntentdError, readRegularFile, writeFileAtomic } from '../../base/index.js';
import {
  createKeyFile,
  parseKeyFile,
  publicKeyOf,
  unlockKey,
  type KeyFile,
  type PublicKey,
  type SigningKey,
} from './keyFile.js';

const maxKeyBytes = 16 * 1024;
const suffix = '.key.json';

/** A folder of key files, and what opens them. */
export interface KeyFolder {
  readonly folder: string;
  readonly passphrase: string;
}

export interface KeyringOptions {
  /** The first takes new keys of every role but root. */
  readonly folders: readonly KeyFolder[];
  /** Where root keys are made and searched as well: media that are at hand for this command only. */
  readonly rootFolders?: readonly KeyFolder[];
  /** Cost of scrypt for new keys. */
  readonly cost?: number;
}

interface FoundKey {
  readonly file: KeyFile;
  readonly name: string;
  readonly passphrase: string;
}

/** The keys that are at hand. */
export class Keyring {
  readonly #options: KeyringOptions;
  readonly #keys = new Map<string, FoundKey>();
  readonly #unlocked = new Map<string, Promise<SigningKey>>();

  private constructor(options: KeyringOptions) {
    this.#options = options;
  }

  /** @throws IntentdError `bad_key`, `bad_file` */
  static async open(options: KeyringOptions): Promise<Keyring> {
    const keyring = new Keyring(options);
    for (const place of [...options.folders, ...(options.rootFolders ?? [])]) await keyring.#read(place);
    return keyring;
  }

  /** Whether folders for root keys were named. */
  get hasRootFolders(): boolean {
    return (this.#options.rootFolders ?? []).length > 0;
  }

  /**
   * Makes a key and writes its file. Root keys are spread over the root folders.
   *
   * @param ordinal of the role's keys, from 0
   */
  async create(role: string, ordinal: number): Promise<{ keyid: string; key: PublicKey }> {
    const places = role === 'root' ? (this.#options.rootFolders ?? []) : this.#options.folders.slice(0, 1);
    const place = places[ordinal % Math.max(1, places.length)];
    if (place === undefined) {
      throw new IntentdError('missing_key', `A folder for ${role} keys must be named.`);
    }
    const file = await createKeyFile(role, place.passphrase, this.#options.cost);
    const name = join(place.folder, `${role}-${file.keyid.slice(0, 12)}${suffix}`);
    await mkdir(place.folder, { recursive: true, mode: 0o700 });
    await writeFileAtomic(name, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
    this.#keys.set(file.keyid, { file, name, passphrase: place.passphrase });
    return { keyid: file.keyid, key: publicKeyOf(file) };
  }

  /** Whether enough of these keys are at hand. */
  holds(keyids: readonly string[], threshold: number): boolean {
    return keyids.filter((keyid) => this.#keys.has(keyid)).length >= threshold;
  }

  /**
   * Every key at hand of a role.
   *
   * @throws IntentdError `missing_key` where fewer than the threshold are at hand; `bad_passphrase`
   */
  async signers(role: string, keyids: readonly string[], threshold: number): Promise<SigningKey[]> {
    const present = keyids.filter((keyid) => this.#keys.has(keyid));
    if (present.length < threshold) {
      const absent = keyids.filter((keyid) => !this.#keys.has(keyid)).map((keyid) => keyid.slice(0, 12));
      const mender = role.startsWith('model-') ? 'targets' : 'root';
      const hint =
        role === 'root'
          ? ' (name their folders with --root-keys)'
          : ` (name their folder with --keys; for lost ones intentd publish rotate ${role} makes others, with the ${mender} keys)`;
      throw new IntentdError(
        'missing_key',
        `${role} needs ${threshold} of its ${keyids.length} keys, and ${present.length} are at hand: ${absent.join(', ')} ${absent.length === 1 ? 'is' : 'are'} missing${hint}.`,
      );
    }
    return Promise.all(present.map((keyid) => this.#unlock(keyid)));
  }

  /** Removes the files of keys that no role uses any more. */
  async forget(keyids: readonly string[]): Promise<void> {
    for (const keyid of keyids) {
      const found = this.#keys.get(keyid);
      if (found === undefined) continue;
      await rm(found.name, { force: true });
      this.#keys.delete(keyid);
    }
  }

  #unlock(keyid: string): Promise<SigningKey> {
    const { file, passphrase, name } = this.#keys.get(keyid)!;
    const unlocked = this.#unlocked.get(keyid) ?? unlockKey(file, passphrase, name);
    this.#unlocked.set(keyid, unlocked);
    return unlocked;
  }

  async #read({ folder, passphrase }: KeyFolder): Promise<void> {
    for (const entry of await namesIn(folder)) {
      if (!entry.endsWith(suffix) || entry.startsWith('.')) continue;
      const name = join(folder, entry);
      const file = parseKeyFile(await readRegularFile(name, { maxBytes: maxKeyBytes, name }), name);
      this.#keys.set(file.keyid, { file, name, passphrase });
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    // It is made with the first key.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
