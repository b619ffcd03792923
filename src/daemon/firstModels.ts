import { messageOf, type Logger } from '../base/index.js';
import type { ActiveModels } from './activeModels.js';
import { admit, type Admission } from './admission.js';
import type { BundleStore } from './bundleStore.js';
import type { LoadedModel } from './engines.js';
import { startingPlan, type PlannedModel } from './startingPlan.js';

export interface FirstModelsParts extends Admission {
  readonly bundles: readonly string[];
  readonly store: BundleStore;
  readonly active: ActiveModels;
  readonly inFlight: () => ReadonlySet<string>;
  readonly log: Logger;
}

export interface FirstModels {
  /** Those that serve, the configured ones first; never empty. */
  readonly models: readonly LoadedModel[];
  /** Folders of the configured bundles, by name. */
  readonly configured: ReadonlyMap<string, string>;
}

/**
 * Loads the configured bundles, and over them what was loaded into an earlier run. One that cannot be used is
 * refused with the reason, and the others serve.
 *
 * @throws IntentdError the first reason, where none can be used, or the signal's
 */
export async function loadFirstModels(parts: FirstModelsParts, signal: AbortSignal): Promise<FirstModels> {
  const { active, bundles, log, store } = parts;
  await active.read();
  await tidy(parts);
  const { planned, configured, refusals } = await startingPlan(bundles, active, store);
  const results = await Promise.all(planned.map((model) => firstThatServes(parts, model, signal)));
  const reasons = [...refusals, ...results.flatMap((result) => result.refusals)];
  signal.throwIfAborted();
  for (const reason of reasons) log.error({ reason: messageOf(reason) }, 'a bundle was refused');
  const models = results.flatMap(({ model = [] }) => model);
  if (models.length === 0) throw reasons[0];
  return { models, configured };
}

/** Removes what an interrupted load left; where nobody knows what was loaded, nothing is removed. */
async function tidy({ active, inFlight, store, log }: FirstModelsParts): Promise<void> {
  if (active.forgotten) return;
  try {
    await store.keepOnly(new Set([...active.digests, ...inFlight()]));
  } catch (error) {
    log.warn({ reason: messageOf(error) }, 'copies that nothing asks for could not be removed');
  }
}

async function firstThatServes(
  parts: FirstModelsParts,
  { name, folders }: PlannedModel,
  signal: AbortSignal,
): Promise<{ model?: LoadedModel; refusals: readonly unknown[] }> {
  const refusals: unknown[] = [];
  for (const folder of folders) {
    try {
      const model = await admit(parts, { folder, name }, () => undefined, signal);
      return { model, refusals };
    } catch (error) {
      refusals.push(error);
    }
  }
  return { refusals };
}
