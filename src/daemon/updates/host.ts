import { IntentdError, messageOf, type Clock, type Logger } from '../../base/index.js';
import type { Config } from '../../config/index.js';
import type { GateFigure, UpdateHost } from '../../update/index.js';
import type { ActiveModels } from '../activeModels.js';
import { identifyBundle, type BundleIdentity } from '../bundles.js';
import type { BundleStore } from '../bundleStore.js';
import type { Engines, LoadedModel } from '../engines.js';
import type { GoldenGate } from '../goldenGate.js';
import type { Models } from '../models.js';
import { failed } from './figures.js';
import { Pacer } from './pacer.js';
import { watch } from './probation.js';
import type { Sample } from './sample.js';
import { SecondEngine, type Staged } from './secondEngine.js';
import { shadow } from './shadowing.js';
import type { EnergyMeter } from './energyTurns.js';
import { StageGates, type Beside } from './stageGates.js';
import type { Traffic } from './traffic.js';

export interface BundleHostParts {
  readonly bounds: Config['update']['gates'];
  readonly models: Models;
  readonly engines: Engines;
  readonly store: BundleStore;
  readonly active: ActiveModels;
  readonly golden: GoldenGate;
  readonly meter: EnergyMeter;
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The model before one that is on trial. */
interface Standby {
  readonly model: LoadedModel | undefined;
  readonly before: Sample | undefined;
  /** Workers of the new model's engine that were replaced before it served. */
  readonly restarts: number;
}

interface Trial extends Staged, Pick<Beside, 'wasLetGo'> {}

/** Why a bundle could not be tried: nothing that it did. */
const notItsFault: ReadonlySet<string> = new Set(['no_memory', 'stopping', 'aborted', 'no_space']);
const mib = 2 ** 20;

/** Bundles of updates beside the models that serve: staged, held to their gates, let in, and taken back. */
export class BundleHost implements UpdateHost {
  readonly #parts: BundleHostParts;
  readonly #second: SecondEngine;
  readonly #pacer: Pacer;
  readonly #gates: StageGates;
  /** Bundles that are loaded and do not serve, by digest. */
  readonly #trials = new Map<string, Trial>();
  /** By family, while the model that serves is on trial. */
  readonly #standbys = new Map<string, Standby>();

  constructor(parts: BundleHostParts) {
    this.#parts = parts;
    const { bounds, clock, engines, golden, log, meter } = parts;
    this.#second = new SecondEngine(engines, bounds.reserveMib * mib, log);
    this.#pacer = new Pacer(bounds.load, clock);
    this.#gates = new StageGates({ bounds, clock, golden, meter, pacer: this.#pacer, second: this.#second });
  }

  active(family: string): ReturnType<UpdateHost['active']> {
    const { active } = this.#parts;
    const serving = this.#servingOf(family);
    if (serving === undefined) return undefined;
    const { digest } = serving.identity;
    const entry = active.models.get(family);
    return {
      digest,
      version: serving.identity.manifest.version,
      previous: entry?.digest === digest ? entry.previous : null,
    };
  }

  async sharesEncoder(digest: string): Promise<boolean> {
    return this.#second.isLoaded(await this.#identify(digest));
  }

  async build(digest: string, onPercent: (percent: number) => void, signal: AbortSignal): Promise<void> {
    await this.#second.build(await this.#identify(digest), onPercent, signal);
  }

  async stage(digest: string, signal: AbortSignal): Promise<readonly GateFigure[]> {
    const identity = await this.#identify(digest);
    const serving = this.#servingOf(identity.manifest.id);
    if (serving?.identity.digest === digest) return [];
    let trial: Trial;
    try {
      trial = await this.#trialOf(digest, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof IntentdError && notItsFault.has(error.code)) throw error;
      return [failed('crashes', `Its engine does not load: ${messageOf(error)}`)];
    }
    const { model, wasLetGo } = trial;
    if (model.slot !== serving?.slot && (model.slot.failing || model.slot.restarts > 0)) {
      return [failed('crashes', 'Its engine ended while it was loaded.')];
    }
    try {
      return await this.#gates.hold(trial, { serving, wasLetGo }, signal);
    } catch (error) {
      signal.throwIfAborted();
      return [failed('crashes', `Its engine failed while it was asked: ${messageOf(error)}`)];
    }
  }

  async shadow(digest: string, signal: AbortSignal): Promise<readonly GateFigure[]> {
    const { bounds, clock, log, traffic } = this.#parts;
    const staged = await this.#trialOf(digest, signal);
    const serving = this.#servingOf(staged.model.name);
    if (serving === undefined || serving.identity.digest === digest) return [];
    const parts = { bounds: bounds.shadow, clock, log, pacer: this.#pacer, traffic };
    return shadow({ staged, serving: serving.served, isComparable: !staged.wasLetGo }, parts, signal);
  }

  async activate(family: string, digest: string): Promise<void> {
    const { models, store, traffic } = this.#parts;
    if (this.#servingOf(family)?.identity.digest === digest) return;
    const { model } = await this.#trialOf(digest, new AbortController().signal);
    if (model.name !== family) {
      throw new IntentdError(
        'bad_bundle',
        `${store.folderOf(digest)} is of ${model.name}, not of ${family}.`,
      );
    }
    const { restarts } = model.slot;
    const earlier = this.#standbys.get(family)?.model;
    const old = await models.succeed(model);
    this.#trials.delete(digest);
    const before = old === undefined ? undefined : traffic.conduct.of(old.served);
    this.#standbys.set(family, { model: old, before, restarts });
    if (earlier !== undefined && earlier !== model) this.#letGo(earlier);
  }

  async probation(family: string, digest: string, signal: AbortSignal): Promise<readonly GateFigure[]> {
    const { bounds, clock, models, traffic } = this.#parts;
    const model = this.#servingOf(family);
    if (model?.identity.digest !== digest) {
      return [
        failed('crashes', 'It does not serve: it could not be loaded, or something else took its place.'),
      ];
    }
    const standby = this.#standbys.get(family);
    const probationer = { model, before: standby?.before, restarts: standby?.restarts ?? 0 };
    const parts = { bounds: bounds.probation, conduct: traffic.conduct, clock };
    const divert = (): void => {
      if (standby?.model !== undefined && this.#servingOf(family) === model) models.divert(standby.model);
    };
    const figures = await watch(probationer, parts, divert, signal);
    const now = this.#servingOf(family);
    if (now !== undefined && (now === model || now === standby?.model)) return figures;
    throw new IntentdError('superseded', 'Another bundle took its place while it was on trial.');
  }

  async rollback(family: string, digest: string): Promise<void> {
    const standby = this.#standbys.get(family);
    await this.#parts.models.takeBack(family, digest, standby?.model);
    this.#standbys.delete(family);
    if (standby?.model === undefined) return;
    if (this.#servingOf(family) === standby.model) this.#bringBack(standby.model);
    // Something else was loaded by hand in the place of both.
    else this.#letGo(standby.model);
  }

  async discard(digest: string): Promise<void> {
    const trial = this.#trials.get(digest);
    if (trial === undefined) return;
    this.#trials.delete(digest);
    await this.#parts.engines.unload(trial.model);
    const serving = this.#servingOf(trial.model.name);
    if (trial.wasLetGo && serving !== undefined) this.#bringBack(serving);
  }

  async settle(family: string): Promise<void> {
    const standby = this.#standbys.get(family);
    this.#standbys.delete(family);
    if (standby?.model !== undefined) await this.#parts.models.retire(standby.model);
  }

  #servingOf(family: string): LoadedModel | undefined {
    return this.#parts.models.loaded.find(({ name }) => name === family);
  }

  #identify(digest: string): Promise<BundleIdentity> {
    return identifyBundle(this.#parts.store.folderOf(digest));
  }

  /** A bundle beside those that serve; loaded anew where the agent was started since it was staged. */
  async #trialOf(digest: string, signal: AbortSignal): Promise<Trial> {
    const known = this.#trials.get(digest);
    if (known !== undefined) return known;
    const identity = await this.#identify(digest);
    const serving = this.#servingOf(identity.manifest.id);
    const wasLetGo = await this.#second.makeRoom(serving, identity);
    try {
      const staged = await this.#parts.engines.load(identity.folder, undefined, signal);
      const trial = { ...staged, wasLetGo };
      this.#trials.set(digest, trial);
      return trial;
    } catch (error) {
      if (wasLetGo && serving !== undefined) this.#bringBack(serving);
      throw error;
    }
  }

  #letGo(model: LoadedModel): void {
    this.#parts.models.retire(model).catch((error: unknown) => {
      this.#parts.log.warn({ model: model.name, reason: messageOf(error) }, 'a model could not be unloaded');
    });
  }

  /** Requests are answered meanwhile. */
  #bringBack(model: LoadedModel): void {
    this.#second.bringBack(model).catch((error: unknown) => {
      const reason = messageOf(error);
      this.#parts.log.warn(
        { model: model.name, reason },
        'TensorRT does not serve again; the CPU engine does',
      );
    });
  }
}
