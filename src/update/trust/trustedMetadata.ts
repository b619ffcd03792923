import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Updater, type TargetFile } from 'tuf-js';
import {
  IntentdError,
  makeFolder,
  messageOf,
  readRegularFile,
  writeFileAtomic,
  type Clock,
  type Logger,
} from '../../base/index.js';
import { isSignedFor, readMetadata, type Read, type RootSigned, type Signed } from '../format/index.js';
import { diskFull } from '../diskFull.js';
import { SourceFetcher, metadataUrl } from './fetcher.js';
import {
  checkedFloors,
  holdFloors,
  laterFloors,
  onlineKeysOf,
  readFloors,
  writeFloors,
  type Floors,
} from './floors.js';
import { Generations } from './generations.js';
import type { Source } from './source.js';

const maxMetadataBytes = 5_000_000;
const floorsFile = 'floors.json';
const rootFile = 'root.json';

export interface TrustOptions {
  /** Folder `update/` of the state directory. */
  readonly folder: string;
  /** The root of trust that was installed with the agent. */
  readonly installedRoot: Uint8Array;
  /** Milliseconds since 1970 when the agent was built: it is not earlier than that. */
  readonly builtAtMs: number;
  readonly clock: Pick<Clock, 'wall'>;
  readonly log: Logger;
}

/** Length and SHA-256 of a target, as trusted metadata says. */
export interface TrustedTarget {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Looks a target up in what is trusted; `undefined` where the repository does not have it. */
export type FindTarget = (path: string) => Promise<TrustedTarget | undefined>;

/**
 * What a repository says, by the client workflow of The Update Framework (5), from the installed root on.
 *
 * tuf-js decides; it writes in place what it trusts, so it works on a copy that becomes the next generation
 * only with a complete refresh. Versions and time never fall below floors that are kept twice and apart.
 */
export class TrustedMetadata {
  readonly #options: TrustOptions;
  readonly #generations: Generations;

  constructor(options: TrustOptions) {
    this.#options = options;
    this.#generations = new Generations(join(options.folder, 'metadata'));
  }

  /**
   * Brings the metadata up to date, and hands over what looks targets up in it while it does so: what `use`
   * refuses is refused as a whole.
   *
   * @throws IntentdError `rollback`, `expired`, `untrusted`, `trust_damaged`, or what the source and `use` throw;
   *   then all is as it was, but for a newer root that was verified
   */
  async refresh<T>(source: Source, use: (find: FindTarget) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { folder, builtAtMs, clock } = this.#options;
    await makeFolder(folder);
    const newest = await this.#generations.newest();
    const floors = await this.#floors(newest);
    const root = await this.#newestRoot(newest);
    const timeMs = Math.max(clock.wall(), builtAtMs, floors?.timeMs ?? 0);
    const fetcher = new SourceFetcher(source, signal);
    let result: T;
    await this.#generations.add(async (temporary) => {
      await startingFiles(newest, root, temporary);
      try {
        const updater = updaterFor(temporary, fetcher, timeMs);
        await updater.refresh();
        const next = await floorsIn(temporary, timeMs);
        if (floors !== undefined) holdFloors(floors, next);
        result = await use(async (path) => {
          const target = await updater.getTargetInfo(path);
          return target === undefined ? undefined : trustedTarget(target);
        });
        // Before the generation: it was complete and right, and nothing older counts from here on.
        await writeFloors(join(folder, floorsFile), next);
        await writeFloors(join(temporary, floorsFile), next);
      } catch (error) {
        await this.#keepRoot(temporary, root);
        if (signal.aborted) throw error;
        throw fetcher.failure ?? refusal(error);
      }
      await this.#keepRoot(temporary, root);
    });
    return result!;
  }

  /** Fails closed: with both copies damaged nobody knows what was accepted before. */
  async #floors(newest: string | undefined): Promise<Floors | undefined> {
    const copies = [await readFloors(join(this.#options.folder, floorsFile))];
    if (newest !== undefined) copies.push(await readFloors(join(newest, floorsFile)));
    const whole = copies.filter((copy) => typeof copy === 'object');
    if (whole.length > 0) return whole.reduce(laterFloors);
    if (newest === undefined && copies[0] === 'absent') return undefined;
    throw new IntentdError(
      'trust_damaged',
      `What was trusted before cannot be read in ${this.#options.folder}: updates are refused. Remove that folder to begin from the installed root.`,
    );
  }

  /** Of the installed root and those that were verified later, the newest that is whole. */
  async #newestRoot(newest: string | undefined): Promise<Read<RootSigned>> {
    const { folder, installedRoot, log } = this.#options;
    let root = readMetadata('root', installedRoot, 'The installed root');
    for (const place of [folder, ...(newest === undefined ? [] : [newest])]) {
      const path = join(place, rootFile);
      try {
        const other = readMetadata('root', await readRegularFile(path, { maxBytes: maxMetadataBytes }), path);
        if (other.signed.version > root.signed.version && isSignedFor(other, 'root', other)) root = other;
      } catch (error) {
        // The chain is walked again from an older one.
        log.debug({ reason: messageOf(error) }, 'a root metadata is not used');
      }
    }
    return root;
  }

  /** A root that follows from the trusted one counts also where the rest is refused (5.3.8). */
  async #keepRoot(temporary: string, before: Read<RootSigned>): Promise<void> {
    const name = join(temporary, rootFile);
    const bytes = await readRegularFile(name, { maxBytes: maxMetadataBytes, name });
    const root = readMetadata('root', bytes, name);
    if (root.signed.version > before.signed.version) {
      await writeFileAtomic(join(this.#options.folder, rootFile), bytes);
    }
  }
}

/** The files that the library begins with: those of the newest generation, and the newest root. */
async function startingFiles(
  newest: string | undefined,
  root: Read<RootSigned>,
  folder: string,
): Promise<void> {
  const names = newest === undefined ? [] : await readdir(newest);
  for (const name of names.filter((one) => one !== floorsFile && one !== rootFile)) {
    const bytes = await readRegularFile(join(newest!, name), { maxBytes: maxMetadataBytes, name });
    await writeFileAtomic(join(folder, name), bytes);
  }
  await writeFileAtomic(join(folder, rootFile), root.bytes);
}

function updaterFor(folder: string, fetcher: SourceFetcher, timeMs: number): Updater {
  const updater = new Updater({
    metadataDir: folder,
    metadataBaseUrl: metadataUrl,
    fetcher,
  });
  // The library takes the time from the system, which a device without battery does not know.
  const { trustedSet } = updater as unknown as { trustedSet?: { referenceTime?: unknown } };
  if (!(trustedSet?.referenceTime instanceof Date)) {
    throw new IntentdError('internal', 'tuf-js has no reference time any more.');
  }
  trustedSet.referenceTime = new Date(timeMs);
  return updater;
}

function trustedTarget({ path, length, hashes }: TargetFile): TrustedTarget {
  const digest = hashes['sha256'];
  if (digest === undefined || !/^[0-9a-f]{64}$/.test(digest) || !Number.isSafeInteger(length)) {
    throw new IntentdError('untrusted', `${path} has no SHA-256 or no length in the repository.`);
  }
  return { path, bytes: length, sha256: digest };
}

/** The versions of metadata that the library has verified and written. */
async function floorsIn(folder: string, timeMs: number): Promise<Floors> {
  const read = async <T extends Signed['_type']>(type: T, role: string) => {
    const name = join(folder, `${role}.json`);
    return readMetadata(type, await readRegularFile(name, { maxBytes: maxMetadataBytes, name }), name).signed;
  };
  const [root, timestamp, snapshot] = [
    await read('root', 'root'),
    await read('timestamp', 'timestamp'),
    await read('snapshot', 'snapshot'),
  ];
  return checkedFloors({
    timeMs,
    root: root.version,
    timestamp: timestamp.version,
    snapshot: snapshot.version,
    roles: Object.fromEntries(Object.entries(snapshot.meta).map(([name, { version }]) => [name, version])),
    onlineKeys: onlineKeysOf(root),
  });
}

/** What the library throws, in our words. */
function refusal(error: unknown): unknown {
  if (error instanceof IntentdError) return error;
  const reason = messageOf(error);
  // The library keeps the text of the errors of its own writing only.
  if (/\b(ENOSPC|EDQUOT)\b/.test(reason)) return diskFull('the metadata of updates', error);
  const code = /is expired/.test(reason) ? 'expired' : 'untrusted';
  return new IntentdError(code, `The repository is refused: ${reason}.`, { cause: error });
}
