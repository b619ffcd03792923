import { IntentdError } from '../../base/index.js';
import { topRoles, type KeyJson, type RoleKeys, type TopRole } from '../format/index.js';
import { commit } from './commit.js';
import { writeLifetimes, type Lifetimes, type PublisherContext } from './context.js';

/** How many keys a role gets, and how many of them must sign. */
export interface KeyCount {
  readonly keys: number;
  readonly threshold: number;
}

export interface InitOptions {
  readonly roles: Readonly<Record<TopRole, KeyCount>>;
  readonly lifetimes: Lifetimes;
}

/**
 * Makes the keys and an empty repository.
 *
 * @throws IntentdError `exists`, `usage`, `missing_key`
 */
export async function initRepository(context: PublisherContext, options: InitOptions): Promise<void> {
  const { repository, keyring } = context;
  await repository.exclusively(async () => {
    if ((await repository.versionsOf('root')).length > 0) {
      throw new IntentdError('exists', `${repository.folder} holds a repository already.`);
    }
    if (!keyring.hasRootFolders) {
      throw new IntentdError(
        'usage',
        'Name a folder for the root keys, best on a medium that stays offline.',
      );
    }
    const keys: Record<string, KeyJson> = {};
    const roles: Partial<Record<TopRole, RoleKeys>> = {};
    for (const role of topRoles) {
      const made = await createRoleKeys(context, role, options.roles[role]);
      Object.assign(keys, made.keys);
      roles[role] = made.role;
    }
    await writeLifetimes(context, options.lifetimes);
    const root = { keys, roles: roles as Record<TopRole, RoleKeys> };
    await commit(context, undefined, { root, targets: { targets: {} } }, options.lifetimes);
  });
}

/** Makes the keys of a role. */
export async function createRoleKeys(
  { keyring }: PublisherContext,
  role: string,
  { keys: count, threshold }: KeyCount,
): Promise<{ keys: Record<string, KeyJson>; role: RoleKeys }> {
  if (!(threshold >= 1 && threshold <= count)) {
    throw new IntentdError('usage', `${role} cannot need ${threshold} of ${count} keys.`);
  }
  const keys: Record<string, KeyJson> = {};
  for (let at = 0; at < count; at++) {
    const { keyid, key } = await keyring.create(role, at);
    keys[keyid] = key;
  }
  return { keys, role: { keyids: Object.keys(keys), threshold } };
}
