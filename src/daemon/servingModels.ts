import { setTimeout as sleep } from 'node:timers/promises';
import { IntentdError } from '../base/index.js';
import type { ServedModel, ServedModels } from '../requests/index.js';
import type { Progress } from '../service/index.js';
import type { LoadedModel } from './engines.js';

export interface ServingModelsParts {
  /** Makes requests go to these from now on. */
  readonly serve: (models: ServedModels) => void;
  /** Requests of a model that are not answered yet. */
  readonly openFor: (model: ServedModel) => number;
  /** Gives what waits for a model to the one that serves under its name now. */
  readonly reroute: (model: ServedModel) => void;
  /** Takes a model off its worker. */
  readonly unload: (model: LoadedModel) => Promise<void>;
}

const pollMs = 5;
/** What a model that failed and still works may take to answer what it has. */
const lastAnswersMs = 250;

/** The models that requests reach, and how one takes another's place without losing a request. */
export class ServingModels {
  readonly #parts: ServingModelsParts;
  #models: ReadonlyMap<string, LoadedModel> = new Map();
  #default: string | undefined;

  constructor(parts: ServingModelsParts) {
    this.#parts = parts;
  }

  get all(): readonly LoadedModel[] {
    return [...this.#models.values()];
  }

  /** The name of the model that answers requests which name none. */
  get default(): string | undefined {
    return this.#default;
  }

  get(name: string): LoadedModel | undefined {
    return this.#models.get(name);
  }

  /** @throws IntentdError `unknown_model` */
  demand(name: string): LoadedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    throw new IntentdError(
      'unknown_model',
      `No model ${name} is loaded; there are ${[...this.#models.keys()].join(', ')}.`,
    );
  }

  /**
   * The first models, in the order in which they are listed.
   *
   * @param wanted the default; the first one if absent
   * @throws IntentdError `bad_config` where there is no model of that name
   */
  begin(models: readonly LoadedModel[], wanted: string | undefined): void {
    const names = models.map(({ name }) => name);
    if (wanted !== undefined && !names.includes(wanted)) {
      throw new IntentdError(
        'bad_config',
        `model.default is ${wanted}, and the loaded bundles are ${names.join(', ')}.`,
      );
    }
    this.#models = new Map(models.map((model) => [model.name, model]));
    this.#default = wanted ?? names[0];
    this.#announce();
  }

  /**
   * From here on requests go to the new model, or to none of that name.
   *
   * @returns the one before, which is to answer what it has, and to be retired then
   */
  put(name: string, model: LoadedModel | undefined): LoadedModel | undefined {
    const old = this.#models.get(name);
    const next = new Map(this.#models);
    if (model === undefined) next.delete(name);
    else next.set(name, model);
    this.#models = next;
    this.#announce();
    return old;
  }

  /** Takes a model off its worker after its last answers. Where the signal aborts, it ends with its worker. */
  async retire(old: LoadedModel, signal: AbortSignal): Promise<void> {
    while (this.#parts.openFor(old.served) > 0) {
      if (signal.aborted) return;
      await sleep(pollMs);
    }
    await this.#parts.unload(old);
    this.#announce();
  }

  /** Takes a model that failed off its worker; the one in its place answers what it has not by then. */
  async oust(old: LoadedModel): Promise<void> {
    this.#parts.reroute(old.served);
    const until = performance.now() + lastAnswersMs;
    while (this.#parts.openFor(old.served) > 0 && old.slot.pid !== 0 && performance.now() < until) {
      await sleep(pollMs);
    }
    await this.#parts.unload(old);
    this.#announce();
  }

  /** Puts a model in the place of another, and retires that. */
  async exchange(
    name: string,
    model: LoadedModel | undefined,
    tell: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const old = this.put(name, model);
    if (old === undefined) return;
    tell({ step: 'waiting for the last answers of the old model' });
    await this.retire(old, signal);
  }

  #announce(): void {
    const byId = new Map([...this.#models].map(([name, { served }]) => [name, served]));
    this.#parts.serve({ byId, default: byId.get(this.#default ?? '') });
  }
}
