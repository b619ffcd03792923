import { z } from 'zod';
import { canonicalize } from '@tufjs/canonical-json';
import {
  IntentdError,
  parseJson,
  parseWith,
  readRegularFile,
  sha256,
  writeFileAtomic,
} from '../../base/index.js';
import type { RootSigned } from '../format/index.js';

const maxBytes = 64 * 1024;
const version = z.int().min(1);

const floorsSchema = z.strictObject({
  /** Milliseconds since 1970 at the last complete refresh: it was not earlier. */
  timeMs: z.int().min(0),
  root: version,
  timestamp: version,
  snapshot: version,
  /** Versions of targets and the delegated roles. */
  roles: z.record(z.string(), version),
  /** What the keys of timestamp and snapshot were: with others their versions begin anew. */
  onlineKeys: z.string(),
});
const fileSchema = z.strictObject({ floors: floorsSchema, sha256: z.string() });

/** Below which nothing is accepted any more. */
export type Floors = z.output<typeof floorsSchema>;

/** Identifies the keys of timestamp and snapshot. */
export function onlineKeysOf({ roles: { timestamp, snapshot } }: Pick<RootSigned, 'roles'>): string {
  const sorted = [timestamp, snapshot].map(({ keyids }) => [...keyids].sort());
  return sha256(canonicalize(sorted));
}

/**
 * Floors of what a repository says: of versions that could not be read again nothing is kept.
 *
 * @throws IntentdError `untrusted`
 */
export function checkedFloors(floors: Floors): Floors {
  return parseWith(floorsSchema, floors, 'The repository', 'untrusted');
}

/** The file with its own digest, so that a damaged one is known as such. */
export async function writeFloors(path: string, floors: Floors): Promise<void> {
  const data = { floors, sha256: sha256(canonicalize(floors)) };
  await writeFileAtomic(path, `${JSON.stringify(data, null, 1)}\n`);
}

/** The floors in a file; `absent` where there is none, `damaged` where it cannot be believed. */
export async function readFloors(path: string): Promise<Floors | 'absent' | 'damaged'> {
  try {
    const bytes = await readRegularFile(path, { maxBytes, name: path });
    const data = parseWith(fileSchema, parseJson(bytes, { name: path }), path, 'bad_file');
    return sha256(canonicalize(data.floors)) === data.sha256 ? data.floors : 'damaged';
  } catch (error) {
    if (!(error instanceof IntentdError)) throw error;
    const { cause } = error;
    return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'absent' : 'damaged';
  }
}

/** Of two copies the one that was written later. */
export function laterFloors(a: Floors, b: Floors): Floors {
  if (a.root !== b.root) return a.root > b.root ? a : b;
  return a.timestamp !== b.timestamp ? (a.timestamp > b.timestamp ? a : b) : a.timeMs >= b.timeMs ? a : b;
}

/**
 * Refuses what is older than what was accepted before (TUF, 5.3 to 5.6), whatever became of the metadata
 * itself. Where root replaced the keys of timestamp or snapshot their versions may begin anew (5.3.11).
 *
 * @throws IntentdError `rollback`
 */
export function holdFloors(floors: Floors, found: Floors): void {
  if (found.root < floors.root) throw rollback('root', found.root, floors.root);
  if (found.onlineKeys !== floors.onlineKeys) return;
  for (const role of ['timestamp', 'snapshot'] as const) {
    if (found[role] < floors[role]) throw rollback(role, found[role], floors[role]);
  }
  for (const [role, least] of Object.entries(floors.roles)) {
    const now = found.roles[role];
    if (now === undefined || now < least) throw rollback(role, now ?? 0, least);
  }
}

function rollback(role: string, found: number, least: number): IntentdError {
  return new IntentdError(
    'rollback',
    `The repository offers ${role} version ${found}, and version ${least} was seen before: it is old, or not the real one.`,
  );
}
