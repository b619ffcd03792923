import { IntentdError, Turns, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import type { ServedModel, ServedModels } from '../requests/index.js';
import type { ModelChange, Progress } from '../service/index.js';
import type { ActiveModel, ActiveModels } from './activeModels.js';
import { admit } from './admission.js';
import { identifyBareHead, isBareHead } from './bareHead.js';
import { identifyBundle, type BundleIdentity } from './bundles.js';
import type { BundleStore } from './bundleStore.js';
import type { Engines, LoadedModel } from './engines.js';
import { inferOnce } from './firstInferences.js';
import { loadFirstModels } from './firstModels.js';
import type { GoldenGate } from './goldenGate.js';
import { ServingModels } from './servingModels.js';
import { Succession } from './succession.js';

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
  /** Gives what waits for a model to the one that serves under its name now. */
  readonly reroute: (model: ServedModel) => void;
  /** Digests of kept bundles that an update under way needs. */
  readonly inFlight: () => ReadonlySet<string>;
  readonly log: Logger;
}

type Tell = (progress: Progress) => void;

/** The models that serve: from the configuration and `active.json` at the start, changed one at a time. */
export class Models {
  readonly #parts: ModelsParts;
  readonly #serving: ServingModels;
  readonly #succession: Succession;
  readonly #turns = new Turns();
  readonly #stopping = new AbortController();
  /** Folders of the configured bundles, by name. */
  #configured: ReadonlyMap<string, string> = new Map();

  constructor(parts: ModelsParts) {
    this.#parts = parts;
    const { engines, openFor, reroute, serve } = parts;
    const unload = (model: LoadedModel): Promise<void> => engines.unload(model);
    this.#serving = new ServingModels({ serve, openFor, reroute, unload });
    const configured = (name: string): string | undefined => this.#configured.get(name);
    this.#succession = new Succession({ ...parts, serving: this.#serving, configured });
  }

  get loaded(): readonly LoadedModel[] {
    return this.#serving.all;
  }

  get default(): string | undefined {
    return this.#serving.default;
  }

  /** Those that serve, the configured ones first, as `name version`. */
  get names(): string[] {
    return this.loaded.map(({ served: { id, version } }) => `${id} ${version}`);
  }

  /** One line for whoever asks what the agent does. */
  get summary(): string {
    return `serving ${this.names.join(', ')}`;
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
    return this.#inTurn(async () => {
      const { bundles, default: wanted } = this.#parts.config.model;
      const { models, configured } = await loadFirstModels({ ...this.#parts, bundles }, this.#signal);
      this.#configured = configured;
      this.#serving.begin(models, wanted);
    });
  }

  /** Gives up what is being loaded, and changes nothing any more; what serves goes on serving. */
  async stop(): Promise<void> {
    this.#stopping.abort(new IntentdError('stopping', 'The agent is stopping.'));
    await this.#turns.idle();
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
      const serving = this.#serving.get(as);
      if (serving?.identity.digest === identity.digest) return this.#describe(serving, false);
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
      this.#serving.demand(name);
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
      const { digest: dropped } = this.#serving.demand(name).identity;
      if (!this.isLoaded(name)) {
        throw new IntentdError('configured', `${name} is configured in model.bundles: take it out there.`);
      }
      const folder = this.#configured.get(name);
      if (folder === undefined && name === this.default) {
        throw new IntentdError('is_default', `${name} answers requests that name no model, and must stay.`);
      }
      if (folder === undefined) {
        await this.#parts.active.set(name, undefined);
        await this.#serving.exchange(name, undefined, tell, this.#signal);
      } else await this.#replace(name, folder, undefined, tell);
      await this.#tidy();
      return { name, dropped, now: this.#serving.get(name)?.identity.digest ?? null };
    });
  }

  /**
   * Lets a model that is loaded and checked serve under its name, and notes it durably.
   *
   * @returns the model before it, which is still on its worker, and to be retired or diverted to
   */
  succeed(model: LoadedModel): Promise<LoadedModel | undefined> {
    return this.#inTurn(() => this.#succession.succeed(model, this.#signal));
  }

  /** Takes a model that was loaded beside those that serve off its worker, after its last answers. */
  async retire(model: LoadedModel): Promise<void> {
    await this.#serving.retire(model, this.#signal);
  }

  /**
   * From here on requests go to this model, and so do those that wait for the one that serves under its name: that
   * one is taken off its worker. What is noted does not change: see {@link takeBack}.
   */
  divert(model: LoadedModel): void {
    this.#succession.divert(model);
  }

  /**
   * Takes a bundle back, durably: the one before serves, else what is configured. Nothing happens where the bundle
   * is not the one that is noted for the name.
   *
   * @param standby the one before, where it is loaded still
   * @throws IntentdError `no_previous` where nothing could serve in its place, or why it cannot be loaded
   */
  takeBack(name: string, digest: string, standby: LoadedModel | undefined): Promise<void> {
    return this.#inTurn(() => this.#succession.takeBack(name, digest, standby, this.#signal));
  }

  /** Removes copies that nothing asks for any more. */
  tidy(): Promise<void> {
    return this.#inTurn(() => this.#tidy());
  }

  /** Runs one real inference on every model; rejects where one fails. */
  async probe(): Promise<void> {
    for (const { served } of this.loaded) await inferOnce(served, 'hello');
  }

  async #identify(folder: string, name: string | undefined): Promise<BundleIdentity> {
    if (!(await isBareHead(folder))) return identifyBundle(folder);
    // Of several bundles on one encoder, the one that it replaces, else the default, says how it computes.
    const wanted = [name, this.default].flatMap((one) => this.#serving.get(one ?? '') ?? []);
    return identifyBareHead(
      folder,
      [...wanted, ...this.loaded].map(({ identity }) => identity),
    );
  }

  async #replace(
    name: string,
    folder: string,
    entry: ActiveModel | undefined,
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
    await this.#serving.exchange(name, model, tell, this.#signal);
    return this.#describe(model, true);
  }

  async #tidy(): Promise<void> {
    const { active, inFlight, store } = this.#parts;
    await store.keepOnly(new Set([...active.digests, ...inFlight()]));
  }

  #describe({ name, identity, served }: LoadedModel, changed: boolean): ModelChange {
    const { manifest, digest } = identity;
    const { version } = served;
    return { name, id: manifest.id, version, digest, previous: this.previousOf(name), changed };
  }

  get #signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** One change after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.take(() => {
      this.#signal.throwIfAborted();
      return work();
    });
  }
}
