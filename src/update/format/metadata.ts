import { canonicalize } from '@tufjs/canonical-json';
import {
  Metadata,
  MetadataKind,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import { IntentdError, messageOf, parseJson } from '../../base/index.js';

/** The metadata of The Update Framework 1.0 (theupdateframework.github.io/specification, 4), as JSON. */
export const specVersion = '1.0.31';

export const topRoles = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type TopRole = (typeof topRoles)[number];

interface Common {
  readonly spec_version: string;
  readonly version: number;
  /** To the second, UTC, ending with Z. */
  readonly expires: string;
}

export interface RoleKeys {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

export interface KeyJson {
  readonly keytype: string;
  readonly scheme: string;
  readonly keyval: Readonly<Record<string, string>>;
}

export interface RootSigned extends Common {
  readonly _type: 'root';
  readonly consistent_snapshot: true;
  readonly keys: Readonly<Record<string, KeyJson>>;
  readonly roles: Readonly<Record<TopRole, RoleKeys>>;
}

export interface FileInfo {
  readonly length: number;
  readonly hashes: { readonly sha256: string };
}

export interface Delegation extends RoleKeys {
  readonly name: string;
  readonly terminating: boolean;
  readonly paths: readonly string[];
}

export interface TargetsSigned extends Common {
  readonly _type: 'targets';
  readonly targets: Readonly<Record<string, FileInfo>>;
  readonly delegations?: {
    readonly keys: Readonly<Record<string, KeyJson>>;
    readonly roles: readonly Delegation[];
  };
}

export interface SnapshotSigned extends Common {
  readonly _type: 'snapshot';
  readonly meta: Readonly<Record<string, FileInfo & { readonly version: number }>>;
}

export interface TimestampSigned extends Common {
  readonly _type: 'timestamp';
  readonly meta: { readonly 'snapshot.json': FileInfo & { readonly version: number } };
}

export type Signed = RootSigned | TargetsSigned | SnapshotSigned | TimestampSigned;

/** Metadata with its signatures, read and of the right shape; whether they are right is asked apart. */
export interface Read<S extends Signed> {
  readonly bytes: Uint8Array;
  readonly signed: S;
  readonly metadata: Metadata<Root | Targets | Snapshot | Timestamp>;
}

type SignedOf<T extends Signed['_type']> = Extract<Signed, { readonly _type: T }>;

const parsers = {
  root: (data: never) => Metadata.fromJSON(MetadataKind.Root, data),
  targets: (data: never) => Metadata.fromJSON(MetadataKind.Targets, data),
  snapshot: (data: never) => Metadata.fromJSON(MetadataKind.Snapshot, data),
  timestamp: (data: never) => Metadata.fromJSON(MetadataKind.Timestamp, data),
};

/** @throws IntentdError `bad_metadata` or `bad_json` */
export function readMetadata<T extends Signed['_type']>(
  type: T,
  bytes: Uint8Array,
  name: string,
): Read<SignedOf<T>> {
  const data = parseJson(bytes, { name, maxDepth: 16 });
  try {
    const metadata = parsers[type](data as never) as Read<SignedOf<T>>['metadata'];
    const { signed } = data as unknown as { signed: SignedOf<T> };
    // Beyond that no version could follow, and numbers that differ are equal.
    if (!Number.isSafeInteger(signed.version) || signed.version < 1) throw new Error('its version is none');
    return { bytes, signed, metadata };
  } catch (cause) {
    throw new IntentdError('bad_metadata', `${name} is no ${type} metadata: ${messageOf(cause)}.`, { cause });
  }
}

/** Whether the delegating role's keys signed the metadata of the role, to its threshold. */
export function isSignedFor(
  delegator: Read<RootSigned | TargetsSigned>,
  role: string,
  of: Read<Signed>,
): boolean {
  try {
    delegator.metadata.verifyDelegate(role, of.metadata);
    return true;
  } catch {
    return false;
  }
}

/** The bytes that signatures are made over. */
export function canonicalBytes(signed: Signed): Uint8Array {
  return Buffer.from(canonicalize(signed));
}

export function isoSeconds(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}
