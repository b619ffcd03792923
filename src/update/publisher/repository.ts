import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IntentdError, readRegularFile, sha256, syncFolder, writeFileAtomic } from '../../base/index.js';
import {
  familyRole,
  isSignedFor,
  metadataFolder,
  readMetadata,
  targetsFolder,
  type Delegation,
  type FileInfo,
  type Read,
  type RootSigned,
  type SnapshotSigned,
  type TargetsSigned,
} from '../format/index.js';

const maxMetadataBytes = 5_000_000;

/** Everything that a repository says at present, verified from the root that this publisher trusts. */
export interface RepositoryState {
  readonly root: Read<RootSigned>;
  readonly targets: Read<TargetsSigned>;
  /** The delegated roles, by role name. */
  readonly families: ReadonlyMap<string, Read<TargetsSigned>>;
  readonly snapshot: Read<SnapshotSigned>;
}

/** The files of a repository, as a static file server gives them out. */
export class Repository {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Does something while no other `intentd publish` changes the repository. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    await mkdir(this.folder, { recursive: true });
    const lock = join(this.folder, '.publishing');
    let handle;
    try {
      handle = await open(lock, 'wx');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      throw new IntentdError(
        'busy',
        `Another intentd publish works on ${this.folder}; if none does, remove ${lock}.`,
        { cause },
      );
    }
    try {
      return await work();
    } finally {
      await handle.close();
      await rm(lock, { force: true });
    }
  }

  /**
   * Reads what the repository says, and holds every signature against the trusted root: what a server's
   * intruder wrote is not signed again.
   *
   * @param trustedRoot bytes of a root metadata that this publisher signed or was given
   * @throws IntentdError `bad_repository`, also where what is published is damaged: to go on from what was published
   *   before would take releases back
   */
  async read(trustedRoot: Uint8Array): Promise<RepositoryState> {
    const root = await this.#newestRoot(readMetadata('root', trustedRoot, 'The trusted root'));
    const versions = (await this.versionsOf('snapshot')).reverse();
    if (versions.length === 0) {
      throw new IntentdError(
        'bad_repository',
        `${this.folder} holds no repository: name the folder that intentd publish init made.`,
      );
    }
    const published = await this.#publishedVersion(root);
    for (const version of versions.filter((one) => one >= published)) {
      const state = await this.#stateAt(root, version);
      if (state !== undefined) return state;
    }
    throw new IntentdError(
      'bad_repository',
      published === 0
        ? `${this.folder} holds no snapshot that its root vouches for; bring back a copy of it.`
        : `${published}.snapshot.json in ${this.folder}, which is published, or what it names, is missing or damaged; bring back a copy of it.`,
    );
  }

  /** Of the snapshot that the timestamp names; 0 where there is none that the root vouches for. */
  async #publishedVersion(root: Read<RootSigned>): Promise<number> {
    const name = join(this.folder, metadataFolder, 'timestamp.json');
    try {
      const bytes = await readRegularFile(name, { maxBytes: maxMetadataBytes, name });
      const timestamp = readMetadata('timestamp', bytes, name);
      return isSignedFor(root, 'timestamp', timestamp) ? timestamp.signed.meta['snapshot.json'].version : 0;
    } catch (error) {
      // A command that did not end left it: it is made anew.
      if (error instanceof IntentdError) return 0;
      throw error;
    }
  }

  /** Versions of a role that lie in the repository, ascending; also such as were never published. */
  async versionsOf(role: string): Promise<number[]> {
    const names = await readdir(join(this.folder, metadataFolder)).catch(emptyIfMissing);
    return names
      .flatMap((name) => {
        const dot = name.indexOf('.');
        return name.slice(dot) === `.${role}.json` && /^[1-9]\d*$/.test(name.slice(0, dot))
          ? [Number(name.slice(0, dot))]
          : [];
      })
      .sort((a, b) => a - b);
  }

  async readVersion(role: string, version: number): Promise<Uint8Array> {
    const name = join(this.folder, metadataFolder, `${version}.${role}.json`);
    return readRegularFile(name, { maxBytes: maxMetadataBytes, name });
  }

  async writeMetadata(fileName: string, bytes: Uint8Array): Promise<void> {
    const folder = join(this.folder, metadataFolder);
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(join(folder, fileName), bytes);
  }

  /** The folder of a file among the targets, made if need be. */
  async placeFor(storedPath: string): Promise<string> {
    const path = join(this.folder, storedPath);
    await mkdir(dirname(path), { recursive: true });
    await syncFolder(join(this.folder, targetsFolder));
    return path;
  }

  /** Root metadata follows one from the other, each signed by the keys of the one before (TUF, 5.3). */
  async #newestRoot(trusted: Read<RootSigned>): Promise<Read<RootSigned>> {
    let root = trusted;
    const present = new Set(await this.versionsOf('root'));
    while (present.has(root.signed.version + 1)) {
      const version = root.signed.version + 1;
      const next = readMetadata('root', await this.readVersion('root', version), `${version}.root.json`);
      if (
        next.signed.version !== version ||
        !isSignedFor(root, 'root', next) ||
        !isSignedFor(next, 'root', next)
      ) {
        throw new IntentdError(
          'bad_repository',
          `${version}.root.json does not follow from the root before it.`,
        );
      }
      root = next;
    }
    return root;
  }

  /** `undefined` where that snapshot, or what it names, is not as the root demands. */
  async #stateAt(root: Read<RootSigned>, version: number): Promise<RepositoryState | undefined> {
    try {
      const snapshot = readMetadata('snapshot', await this.readVersion('snapshot', version), 'snapshot');
      if (!isSignedFor(root, 'snapshot', snapshot)) return undefined;
      const targets = await this.#named(snapshot, 'targets');
      if (!isSignedFor(root, 'targets', targets)) return undefined;
      const families = new Map<string, Read<TargetsSigned>>();
      for (const { name } of targets.signed.delegations?.roles ?? []) {
        const family = await this.#named(snapshot, name);
        if (!isSignedFor(targets, name, family)) return undefined;
        families.set(name, family);
      }
      return { root, targets, families, snapshot };
    } catch (error) {
      // Written by a command that did not end, or damaged: an older one is taken.
      if (error instanceof IntentdError) return undefined;
      throw error;
    }
  }

  async #named({ signed }: Read<SnapshotSigned>, role: string): Promise<Read<TargetsSigned>> {
    const info = signed.meta[`${role}.json`];
    if (info === undefined) throw new IntentdError('bad_repository', `The snapshot does not name ${role}.`);
    const bytes = await this.readVersion(role, info.version);
    if (bytes.length !== info.length || sha256(bytes) !== info.hashes.sha256) {
      throw new IntentdError(
        'bad_repository',
        `${info.version}.${role}.json is not what the snapshot names.`,
      );
    }
    return readMetadata('targets', bytes, role);
  }
}

/** Length and digest of bytes, as metadata says them. */
export function infoOf(bytes: Uint8Array): FileInfo {
  return { length: bytes.length, hashes: { sha256: sha256(bytes) } };
}

/** The delegation of a family, if there is one. */
export function delegationOf({ targets }: RepositoryState, family: string): Delegation | undefined {
  return targets.signed.delegations?.roles.find(({ name }) => name === familyRole(family));
}

function emptyIfMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
