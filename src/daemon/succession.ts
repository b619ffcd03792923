import { IntentdError, messageOf, type Logger } from '../base/index.js';
import type { ActiveModels } from './activeModels.js';
import { admit, type Admission } from './admission.js';
import type { BundleStore } from './bundleStore.js';
import type { LoadedModel } from './engines.js';
import type { ServingModels } from './servingModels.js';

export interface SuccessionParts extends Admission {
  readonly serving: ServingModels;
  readonly store: BundleStore;
  readonly active: ActiveModels;
  /** Folder of the configured bundle of a name. */
  readonly configured: (name: string) => string | undefined;
  readonly log: Logger;
}

/** How a model that was tried takes the place of one that serves, which stays loaded, and gives it back. */
export class Succession {
  readonly #parts: SuccessionParts;

  constructor(parts: SuccessionParts) {
    this.#parts = parts;
  }

  /** As {@link Models.succeed}. */
  async succeed(model: LoadedModel, signal: AbortSignal): Promise<LoadedModel | undefined> {
    const { active, serving, store } = this.#parts;
    const { name, identity } = model;
    const before = serving.get(name);
    // What serves from a configured folder is kept as well: the folder may change.
    if (before !== undefined) await store.add(before.identity, signal);
    await active.set(name, { digest: identity.digest, previous: before?.identity.digest ?? null });
    return serving.put(name, model);
  }

  /** As {@link Models.divert}. */
  divert(model: LoadedModel): void {
    const { log, serving } = this.#parts;
    const failed = serving.put(model.name, model);
    if (failed === undefined || failed === model) return;
    serving.oust(failed).catch((error: unknown) => {
      log.warn({ model: failed.name, reason: messageOf(error) }, 'a model could not be unloaded');
    });
  }

  /** As {@link Models.takeBack}. */
  async takeBack(
    name: string,
    digest: string,
    standby: LoadedModel | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { active, configured, serving } = this.#parts;
    const entry = active.models.get(name);
    if (entry?.digest !== digest) return;
    const back = standby ?? (await this.#before(name, digest, entry.previous, signal));
    if (back === undefined) {
      await active.set(name, undefined);
      await serving.exchange(name, undefined, () => undefined, signal);
      return;
    }
    this.divert(back);
    const isConfigured = back.identity.folder === configured(name);
    await active.set(name, isConfigured ? undefined : { digest: back.identity.digest, previous: null });
  }

  /** The model to serve in the place of one that is taken back; `undefined` where none has to. */
  async #before(
    name: string,
    digest: string,
    previous: string | null,
    signal: AbortSignal,
  ): Promise<LoadedModel | undefined> {
    const { configured, serving, store } = this.#parts;
    const now = serving.get(name);
    // It could not be loaded at the start, and another serves already; or requests were diverted from it.
    if (now !== undefined && now.identity.digest !== digest) return now;
    const folder = previous === null ? configured(name) : store.folderOf(previous);
    if (folder !== undefined) return admit(this.#parts, { folder, name }, () => undefined, signal);
    if (name !== serving.default) return undefined;
    throw new IntentdError('no_previous', `Nothing could serve in the place of ${name}, which must stay.`);
  }
}
