import { IntentdError, messageOf, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import type { ServedModel, ServedModels } from '../requests/index.js';
import type { ModelChange, Progress } from '../service/index.js';
import type { ActiveModels } from './activeModels.js';
import { admit } from './admission.js';
import { identifyBareHead, isBareHead } from './bareHead.js';
import { identifyBundle, type BundleIdentity } from './bundles.js';
import type { BundleStore } from './bundleStore.js';
import { inferOnce, type Engines, type LoadedModel } from './engines.js';
import type { GoldenGate } from './goldenGate.js';
import { startingPlan, type PlannedModel } from './startingPlan.js';

export interface ModelsParts {
  readonly config: Pick<Config, 'model'>;
  readonly engines: Engines;
  readonly store: BundleStore;
  readonly active: ActiveModels;
  readonly gate: GoldenGate;
  /** Makes requests go to these from now on. */
  readonly serve: (models: ServedModels) => void;
  /** Requests of a model that are not answered yet. */
  readonly openFor: (model: ServedModel) => number;
  readonly log: Logger;
}

type Tell = (progress: Progress) => void;
type Changed = Omit<ModelChange, 'changed'>;

const pollMs = 5;

/** The models that serve: from the configuration and `active.json` at the start, changed one at a time. */
export class Models {
  readonly #parts: ModelsParts;
  /** By name, the configured ones first. */
  #loaded: ReadonlyMap<string, LoadedModel> = new Map();
  /** Folders of the configured bundles, by name. */
  #configured: ReadonlyMap<string, string> = new Map();
  #default: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(parts: ModelsParts) {
    this.#parts = parts;
  }

  get loaded(): readonly LoadedModel[] {
    return [...this.#loaded.values()];
  }

  get default(): string | undefined {
    return this.#default;
  }

  /** Whether the name's bundle was loaded into a running agent, and not configured. */
  isLoaded(name: string): boolean {
    return this.#parts.active.models.has(name);
  }

  /** What a rollback of the name would bring back. */
  previousOf(name: string): string | null {
    return this.#parts.active.models.get(name)?.previous ?? null;
  }

  /**
   * Loads the configured bundles, and over them what was loaded into an earlier run. One that cannot be
   * used is refused with the reason, and the others serve.
   *
   * @throws IntentdError the first reason, where none can be used
   */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start());
  }

  /** Gives up what is being loaded, and changes nothing any more; what serves goes on serving. */
  async stop(): Promise<void> {
    this.#stopping.abort(new IntentdError('stopping', 'The agent is stopping.'));
    await this.#turn;
  }

  /**
   * Copies a bundle, or a head with the encoder of one that serves, into the state directory, loads and checks it,
   * and lets it serve under `name` (its id if absent) in place of what does.
   *
   * @throws IntentdError why it is refused; then all is as it was
   */
  load(folder: string, name: string | undefined, tell: Tell): Promise<ModelChange> {
    return this.#inTurn(async () => {
      tell({ step: 'copying' });
      const identity = await this.#identify(folder, name);
      const as = name ?? identity.manifest.id;
      const serving = this.#loaded.get(as);
      if (serving?.identity.digest === identity.digest) return { ...this.#describe(serving), changed: false };
      try {
        const copy = await this.#parts.store.add(identity, this.#signal);
        // What serves from a configured folder is kept as well: the folder may change.
        if (serving !== undefined) await this.#parts.store.add(serving.identity, this.#signal);
        const previous = serving?.identity.digest ?? null;
        return await this.#replace(as, copy, { digest: identity.digest, previous }, tell);
      } finally {
        await this.#tidy();
      }
    });
  }

  /** @throws IntentdError `unknown_model`, `no_previous`, or why the previous one is refused */
  rollback(name: string, tell: Tell): Promise<ModelChange> {
    return this.#inTurn(async () => {
      this.#mustServe(name);
      const entry = this.#parts.active.models.get(name);
      if (!entry?.previous) {
        throw new IntentdError('no_previous', `No bundle served as ${name} before the one that does.`);
      }
      const folder = this.#parts.store.folderOf(entry.previous);
      return this.#replace(name, folder, { digest: entry.previous, previous: entry.digest }, tell);
    });
  }

  /**
   * Takes a loaded bundle out; a configured one of the same name serves again.
   *
   * @throws IntentdError `unknown_model`, `configured`, `is_default`
   */
  drop(name: string, tell: Tell): Promise<{ name: string; dropped: string; now: string | null }> {
    return this.#inTurn(async () => {
      const { digest: dropped } = this.#mustServe(name).identity;
      if (!this.#parts.active.models.has(name)) {
        throw new IntentdError('configured', `${name} is configured in model.bundles: take it out there.`);
      }
      const folder = this.#configured.get(name);
      if (folder === undefined && name === this.#default) {
        throw new IntentdError('is_default', `${name} answers requests that name no model, and must stay.`);
      }
      if (folder === undefined) {
        await this.#parts.active.set(name, undefined);
        await this.#switch(name, undefined, tell);
      } else await this.#replace(name, folder, undefined, tell);
      await this.#tidy();
      return { name, dropped, now: this.#loaded.get(name)?.identity.digest ?? null };
    });
  }

  /** Runs one real inference on every model; rejects where one fails. */
  async probe(): Promise<void> {
    for (const { served } of this.loaded) await inferOnce(served, 'hello');
  }

  async #start(): Promise<void> {
    const { active, config, log, store } = this.#parts;
    await active.read();
    await this.#tidyAtStart();
    const { planned, configured, refusals } = await startingPlan(config.model.bundles, active, store);
    this.#configured = configured;
    const results = await Promise.all(planned.map((model) => this.#firstThatServes(model)));
    const reasons = [...refusals, ...results.flatMap((result) => result.refusals)];
    this.#signal.throwIfAborted();
    for (const reason of reasons) log.error({ reason: messageOf(reason) }, 'a bundle was refused');
    const models = results.flatMap(({ model }) => (model === undefined ? [] : [model]));
    if (models.length === 0) throw reasons[0];
    this.#loaded = new Map(models.map((model) => [model.name, model]));
    this.#default = this.#findDefault();
    this.#announce();
  }

  async #firstThatServes({ name, folders }: PlannedModel) {
    const refusals: unknown[] = [];
    for (const folder of folders) {
      try {
        const model = await admit(this.#parts, { folder, name }, () => undefined, this.#signal);
        return { model, refusals };
      } catch (error) {
        refusals.push(error);
      }
    }
    return { model: undefined, refusals };
  }

  #findDefault(): string {
    const wanted = this.#parts.config.model.default;
    const names = [...this.#loaded.keys()];
    if (wanted === undefined) return names[0]!;
    if (this.#loaded.has(wanted)) return wanted;
    throw new IntentdError(
      'bad_config',
      `model.default is ${wanted}, and the loaded bundles are ${names.join(', ')}.`,
    );
  }

  async #identify(folder: string, name: string | undefined): Promise<BundleIdentity> {
    if (!(await isBareHead(folder))) return identifyBundle(folder);
    // Of several bundles on one encoder, the one that it replaces, else the default, says how it computes.
    const wanted = [name, this.#default].flatMap((one) => this.#loaded.get(one ?? '') ?? []);
    return identifyBareHead(
      folder,
      [...wanted, ...this.loaded].map(({ identity }) => identity),
    );
  }

  async #replace(
    name: string,
    folder: string,
    entry: { readonly digest: string; readonly previous: string | null } | undefined,
    tell: Tell,
  ): Promise<ModelChange> {
    const { active, engines } = this.#parts;
    const model = await admit(this.#parts, { folder, name }, tell, this.#signal);
    try {
      this.#signal.throwIfAborted();
      await active.set(name, entry);
    } catch (error) {
      await engines.unload(model);
      throw error;
    }
    await this.#switch(name, model, tell);
    return { ...this.#describe(model), changed: true };
  }

  /** From here on requests go to the new model; the old one answers those it has, and is taken out. */
  async #switch(name: string, model: LoadedModel | undefined, tell: Tell): Promise<void> {
    const old = this.#loaded.get(name);
    const next = new Map(this.#loaded);
    if (model === undefined) next.delete(name);
    else next.set(name, model);
    this.#loaded = next;
    this.#announce();
    if (old === undefined) return;
    tell({ step: 'waiting for the last answers of the old model' });
    while (this.#parts.openFor(old.served) > 0) {
      // Then its worker ends with the agent.
      if (this.#signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    await this.#parts.engines.unload(old);
    this.#announce();
  }

  #announce(): void {
    const byId = new Map([...this.#loaded].map(([name, { served }]) => [name, served]));
    this.#parts.serve({ byId, default: byId.get(this.#default ?? '') });
  }

  /** Removes copies that nothing asks for any more. */
  async #tidy(): Promise<void> {
    const { active, store } = this.#parts;
    await store.keepOnly(new Set(active.digests));
  }

  /** Removes what an interrupted load left; where nobody knows what was loaded, nothing is removed. */
  async #tidyAtStart(): Promise<void> {
    const { active, log } = this.#parts;
    if (active.forgotten) return;
    try {
      await this.#tidy();
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'copies that nothing asks for could not be removed');
    }
  }

  #mustServe(name: string): LoadedModel {
    const model = this.#loaded.get(name);
    if (model !== undefined) return model;
    throw new IntentdError(
      'unknown_model',
      `No model ${name} is loaded; there are ${[...this.#loaded.keys()].join(', ')}.`,
    );
  }

  #describe({ name, identity, served }: LoadedModel): Changed {
    const { id } = identity.manifest;
    return { name, id, version: served.version, digest: identity.digest, previous: this.previousOf(name) };
  }

  get #signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** One change after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => {
      this.#signal.throwIfAborted();
      return work();
    });
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}
