import type { EngineSlot } from '../engine/index.js';
import type { ControlHandlers, EngineStatus, ServedBundle } from '../service/index.js';
import type { LoadedModel } from './engines.js';
import type { Models } from './models.js';

export interface ControlledParts {
  readonly agent: string;
  readonly models: Models;
  /** Requests of an engine that wait or run. */
  readonly inFlight: (engine: EngineSlot) => number;
}

/** What the agent does at each command of the control channel. */
export function controlHandlers(parts: ControlledParts): ControlHandlers {
  const { models } = parts;
  return {
    'engine.status': () => Promise.resolve(statusOf(parts)),
    'model.list': () => Promise.resolve({ models: models.loaded.map((model) => describe(model, models)) }),
    'model.load': ({ folder, name }, progress) => models.load(folder, name, progress),
    'model.drop': ({ name }, progress) => models.drop(name, progress),
    'model.rollback': ({ name }, progress) => models.rollback(name, progress),
  };
}

function statusOf({ agent, models, inFlight }: ControlledParts): EngineStatus {
  const slots = [...new Set(models.loaded.map(({ slot }) => slot))];
  const engines = slots.map((slot) => engineOf(slot, models.loaded, inFlight(slot)));
  const well = engines.every(({ state }) => state !== 'failing');
  return { agent, state: slots.length === 0 ? 'starting' : well ? 'online' : 'degraded', engines };
}

function engineOf(
  slot: EngineSlot,
  models: readonly LoadedModel[],
  inFlight: number,
): EngineStatus['engines'][number] {
  const { kind, version, precision, form, encoder } = slot.info;
  return {
    generation: slot.restarts + 1,
    state: slot.failing ? 'failing' : slot.pid === 0 ? 'restarting' : 'serving',
    worker: slot.pid === 0 ? null : slot.pid,
    kind,
    version,
    precision,
    form,
    encoder,
    heads: models.filter((model) => model.slot === slot).map(bundleOf),
    residentMib: slot.residentKib === 0 ? null : Math.round(slot.residentKib / 1024),
    restarts: slot.restarts,
    inFlight,
  };
}

function bundleOf({ name, identity, served }: LoadedModel) {
  return { name, id: identity.manifest.id, version: served.version, digest: identity.digest };
}

function describe(model: LoadedModel, models: Models): ServedBundle {
  return {
    ...bundleOf(model),
    default: models.default === model.name,
    encoder: model.identity.encoder,
    source: models.isLoaded(model.name) ? 'loaded' : 'configured',
    previous: models.previousOf(model.name),
  };
}
