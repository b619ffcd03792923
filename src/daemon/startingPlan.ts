import type { ActiveModels } from './activeModels.js';
import { bundleFolder, identifyBundle } from './bundles.js';
import type { BundleStore } from './bundleStore.js';

/** A name under which a bundle is to serve, and the folders to try, the wanted one first. */
export interface PlannedModel {
  readonly name: string;
  readonly folders: readonly string[];
}

export interface StartingPlan {
  readonly planned: readonly PlannedModel[];
  /** The first configured folder of each name. */
  readonly configured: ReadonlyMap<string, string>;
  /** Why configured bundles cannot be used. */
  readonly refusals: readonly unknown[];
}

/**
 * What is to serve after a start: under each name what was loaded last, else what served before it, else
 * what is configured. The configured names come first, in their order.
 */
export async function startingPlan(
  bundles: readonly string[],
  active: ActiveModels,
  store: BundleStore,
): Promise<StartingPlan> {
  const found = await Promise.allSettled(bundles.map((bundle) => identifyBundle(bundleFolder(bundle))));
  const refusals = found.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const folders = new Map<string, string[]>();
  for (const one of found) {
    if (one.status === 'rejected') continue;
    const { manifest, folder } = one.value;
    folders.set(manifest.id, [...(folders.get(manifest.id) ?? []), folder]);
  }
  const configured = new Map([...folders].map(([name, [first]]) => [name, first!]));
  for (const [name, { digest, previous }] of active.models) {
    const stored = [digest, previous].flatMap((one) => (one === null ? [] : [store.folderOf(one)]));
    folders.set(name, [...stored, ...(folders.get(name) ?? [])]);
  }
  return { planned: [...folders].map(([name, all]) => ({ name, folders: all })), configured, refusals };
}
