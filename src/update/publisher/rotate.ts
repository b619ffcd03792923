import { IntentdError } from '../../base/index.js';
import { topRoles, type KeyJson, type RoleKeys, type TopRole } from '../format/index.js';
import { commit, type Changes } from './commit.js';
import { readLifetimes, readTrustedRoot, type PublisherContext } from './context.js';
import { createRoleKeys, type KeyCount } from './initRepository.js';
import type { RepositoryState } from './repository.js';

/** What ends a commit before it has written anything. */
const beforeWriting: readonly string[] = ['missing_key', 'bad_passphrase'];

/**
 * Replaces every key of a role: of root, another top role (both need the root keys), or a family (needs
 * the targets keys). The files of the old keys are removed.
 *
 * @param role `root`, `targets`, `snapshot`, `timestamp` or `model-<family>`
 * @param count as many keys and as high a threshold as before if absent
 * @throws IntentdError `unknown_role`, `missing_key`
 */
export async function rotate(context: PublisherContext, role: string, count?: KeyCount): Promise<void> {
  const { repository, keyring } = context;
  await repository.exclusively(async () => {
    const state = await repository.read(await readTrustedRoot(context));
    const old = keysOf(state, role);
    const { root } = state.root.signed.roles;
    // Before any key is made: without these nothing can be signed.
    if ((topRoles as readonly string[]).includes(role))
      await keyring.signers('root', root.keyids, root.threshold);
    const made = await createRoleKeys(
      context,
      role,
      count ?? { keys: old.keyids.length, threshold: old.threshold },
    );
    try {
      await commit(context, state, changesFor(state, role, made), await readLifetimes(context));
    } catch (error) {
      // Any other error may come when a root that names the new keys is published already.
      if (error instanceof IntentdError && beforeWriting.includes(error.code)) {
        await keyring.forget(made.role.keyids);
      }
      throw error;
    }
    await keyring.forget(old.keyids);
  });
}

function keysOf({ root, targets }: RepositoryState, role: string): RoleKeys {
  const families = targets.signed.delegations?.roles ?? [];
  const found = isTop(role) ? root.signed.roles[role] : families.find(({ name }) => name === role);
  if (found !== undefined) return found;
  const names = [...topRoles, ...families.map(({ name }) => name)].join(', ');
  throw new IntentdError('unknown_role', `There is no role ${role}; the roles are ${names}.`);
}

function changesFor(
  state: RepositoryState,
  role: string,
  made: { readonly keys: Record<string, KeyJson>; readonly role: RoleKeys },
): Changes {
  const targets = state.targets.signed;
  if (!isTop(role)) {
    const { roles, keys } = targets.delegations!;
    const next = roles.map((one) => (one.name === role ? { ...one, ...made.role } : one));
    const delegations = { roles: next, keys: usedKeys({ ...keys, ...made.keys }, next) };
    return {
      targets: { targets: targets.targets, delegations },
      families: new Map([[role, state.families.get(role)!.signed]]),
    };
  }
  const { keys, roles } = state.root.signed;
  const next = { ...roles, [role]: made.role };
  const root = { roles: next, keys: usedKeys({ ...keys, ...made.keys }, Object.values(next)) };
  return role === 'targets' ? { root, targets } : { root };
}

function usedKeys(
  keys: Readonly<Record<string, KeyJson>>,
  roles: readonly RoleKeys[],
): Record<string, KeyJson> {
  const used = new Set(roles.flatMap(({ keyids }) => keyids));
  return Object.fromEntries(Object.entries(keys).filter(([keyid]) => used.has(keyid)));
}

function isTop(role: string): role is TopRole {
  return (topRoles as readonly string[]).includes(role);
}
