import { isoSeconds } from '../format/index.js';
import { commit, type TargetsContent } from './commit.js';
import { readLifetimes, readTrustedRoot, type PublisherContext } from './context.js';

const dayMs = 24 * 3600_000;

/** When a role's metadata ends to be good, and whether it was signed again. */
export interface Expiry {
  readonly role: string;
  readonly expires: string;
  readonly renewed: boolean;
  /** It ends soon, and the keys that could renew it are not at hand. */
  readonly needsKeys: boolean;
}

/**
 * Signs snapshot and timestamp again, and every other role that ends within so many days and whose keys
 * are at hand.
 *
 * @returns every role as it stands afterwards
 * @throws IntentdError `missing_key` for the keys of snapshot and timestamp
 */
export async function expire(context: PublisherContext, withinDays: number): Promise<Expiry[]> {
  const { repository, keyring, clock } = context;
  return repository.exclusively(async () => {
    const before = await repository.read(await readTrustedRoot(context));
    const { root, targets } = before;
    const keysOf = new Map([
      ['root', root.signed.roles.root],
      ['targets', root.signed.roles.targets],
      ...(targets.signed.delegations?.roles ?? []).map((role) => [role.name, role] as const),
    ]);
    const endsSoon = (expires: string): boolean => Date.parse(expires) - clock.wall() < withinDays * dayMs;
    const renews = (role: string, { expires }: { readonly expires: string }): boolean => {
      const keys = keysOf.get(role)!;
      return endsSoon(expires) && keyring.holds(keys.keyids, keys.threshold);
    };
    const families = new Map<string, TargetsContent>();
    for (const [role, { signed }] of before.families) if (renews(role, signed)) families.set(role, signed);
    const top = (['root', 'targets'] as const).filter((role) => renews(role, before[role].signed));
    const changes = Object.fromEntries(top.map((role) => [role, before[role].signed]));
    const lifetimes = await readLifetimes(context);
    await commit(context, before, { ...changes, families }, lifetimes);
    const after = await repository.read(await readTrustedRoot(context));
    const renewed = new Set<string>([...top, ...families.keys(), 'snapshot', 'timestamp']);
    const all: [string, string][] = [
      ['root', after.root.signed.expires],
      ['targets', after.targets.signed.expires],
      ...[...after.families].map(([role, { signed }]): [string, string] => [role, signed.expires]),
      ['snapshot', after.snapshot.signed.expires],
      ['timestamp', isoSeconds(clock.wall() + lifetimes.timestamp * dayMs)],
    ];
    return all.map(([role, expires]) => ({
      role,
      expires,
      renewed: renewed.has(role),
      needsKeys: !renewed.has(role) && endsSoon(expires),
    }));
  });
}
