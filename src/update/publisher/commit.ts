import {
  canonicalBytes,
  isoSeconds,
  specVersion,
  type FileInfo,
  type RoleKeys,
  type RootSigned,
  type Signed,
  type SnapshotSigned,
  type TargetsSigned,
  type TimestampSigned,
} from '../format/index.js';
import { writeTrustedRoot, type Lifetimes, type PublisherContext } from './context.js';
import { infoOf, type RepositoryState } from './repository.js';

const dayMs = 24 * 3600_000;

/** What a role is to say; its version and its expiry follow. */
export type RootContent = Pick<RootSigned, 'keys' | 'roles'>;
export type TargetsContent = Pick<TargetsSigned, 'targets' | 'delegations'>;

/** Contents that change; a role that is not named stays as it is. */
export interface Changes {
  readonly root?: RootContent;
  readonly targets?: TargetsContent;
  /** By role name. */
  readonly families?: ReadonlyMap<string, TargetsContent>;
}

interface Signatures {
  /** The roles by whose keys a root must be signed: the one before and the new one. */
  readonly roles: readonly (RoleKeys | undefined)[];
}

interface NamedBytes {
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

/**
 * Signs what changes, a snapshot and a timestamp, and writes them so that a client sees wholly the old or
 * wholly the new: files of new versions first, the timestamp last. Nothing is written if a key is missing.
 *
 * @param before `undefined` for a new repository, whose changes name root and targets
 * @throws IntentdError `missing_key`, `bad_passphrase`
 */
export async function commit(
  context: PublisherContext,
  before: RepositoryState | undefined,
  changes: Changes,
  lifetimes: Lifetimes,
): Promise<void> {
  const writer = new Signer(context, lifetimes);
  const root = changes.root ?? before!.root.signed;
  const targets = changes.targets ?? before!.targets.signed;
  const files: NamedBytes[] = [];
  const meta: Record<string, FileInfo & { version: number }> = { ...before?.snapshot.signed.meta };
  const add = async (role: string, content: TargetsContent, keys: RoleKeys): Promise<void> => {
    const last = Math.max(meta[`${role}.json`]?.version ?? 0, await newestOf(context, role));
    const { bytes, signed } = await writer.sign(targetsOf(content), role, 'targets', last + 1, {
      roles: [keys],
    });
    files.push({ fileName: `${signed.version}.${role}.json`, bytes });
    meta[`${role}.json`] = { version: signed.version, ...infoOf(bytes) };
  };
  for (const [role, content] of changes.families ?? []) {
    await add(
      role,
      content,
      targets.delegations!.roles.find(({ name }) => name === role)!,
    );
  }
  if (changes.targets !== undefined) await add('targets', changes.targets, root.roles.targets);
  const version = (await newestOf(context, 'snapshot')) + 1;
  const snapshot = await writer.sign<SnapshotSigned>(
    { _type: 'snapshot', meta },
    'snapshot',
    'snapshot',
    version,
    {
      roles: [root.roles.snapshot],
    },
  );
  const newRoot = changes.root && (await signRoot(writer, before, changes.root));
  const timestamp = await writer.sign<TimestampSigned>(
    { _type: 'timestamp', meta: { 'snapshot.json': { version, ...infoOf(snapshot.bytes) } } },
    'timestamp',
    'timestamp',
    // It goes with the snapshot: each commit signs both.
    version,
    { roles: [root.roles.timestamp] },
  );
  const { repository } = context;
  for (const { fileName, bytes } of files) await repository.writeMetadata(fileName, bytes);
  await repository.writeMetadata(`${version}.snapshot.json`, snapshot.bytes);
  if (newRoot) {
    await repository.writeMetadata(`${newRoot.signed.version}.root.json`, newRoot.bytes);
    await writeTrustedRoot(context, newRoot.bytes);
  }
  await repository.writeMetadata('timestamp.json', timestamp.bytes);
}

function signRoot(writer: Signer, before: RepositoryState | undefined, content: RootContent) {
  const version = (before?.root.signed.version ?? 0) + 1;
  const { keys, roles } = content;
  return writer.sign<RootSigned>(
    { _type: 'root', consistent_snapshot: true, keys, roles },
    'root',
    'root',
    version,
    { roles: [before?.root.signed.roles.root, roles.root] },
  );
}

function targetsOf({ targets, delegations }: TargetsContent): Unsigned<TargetsSigned> {
  return { _type: 'targets', targets, ...(delegations === undefined ? {} : { delegations }) };
}

async function newestOf({ repository }: PublisherContext, role: string): Promise<number> {
  return (await repository.versionsOf(role)).at(-1) ?? 0;
}

type Unsigned<S extends Signed> = Omit<S, 'spec_version' | 'version' | 'expires'>;

class Signer {
  readonly #context: PublisherContext;
  readonly #lifetimes: Lifetimes;

  constructor(context: PublisherContext, lifetimes: Lifetimes) {
    this.#context = context;
    this.#lifetimes = lifetimes;
  }

  /** The bytes of a role's metadata, signed by every key at hand of each of the roles. */
  async sign<S extends Signed>(
    content: Unsigned<S>,
    role: string,
    lifetime: keyof Lifetimes,
    version: number,
    { roles }: Signatures,
  ): Promise<{ bytes: Uint8Array; signed: S }> {
    const expires = isoSeconds(this.#context.clock.wall() + this.#lifetimes[lifetime] * dayMs);
    const signed = { ...content, spec_version: specVersion, version, expires } as unknown as S;
    const data = canonicalBytes(signed);
    const signatures = new Map<string, string>();
    for (const keys of roles) {
      if (keys === undefined) continue;
      for (const key of await this.#context.keyring.signers(role, keys.keyids, keys.threshold)) {
        signatures.set(key.keyid, key.sign(data));
      }
    }
    const list = [...signatures].map(([keyid, sig]) => ({ keyid, sig }));
    const text = `${JSON.stringify({ signatures: list, signed }, null, 1)}\n`;
    return { bytes: Buffer.from(text), signed };
  }
}
