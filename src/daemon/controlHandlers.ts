import type { EngineSlot } from '../engine/index.js';
import { IntentdError } from '../base/index.js';
import type {
  ControlHandlers,
  ControlResult,
  EngineStatus,
  Progress,
  ServedBundle,
} from '../service/index.js';
import type { Engines, LoadedModel } from './engines.js';
import type { Models } from './models.js';

export interface ControlledParts {
  readonly agent: string;
  readonly models: Models;
  readonly engines: Engines;
  /** Requests of an engine that wait or run. */
  readonly inFlight: (engine: EngineSlot) => number;
}

/** What the agent does at each command of the control channel but those for updates. */
export function controlHandlers(parts: ControlledParts): Omit<ControlHandlers, `update.${string}`> {
  const { models } = parts;
  return {
    'engine.status': () => Promise.resolve(engineStatus(parts)),
    'engine.build': ({ name }, progress) => buildEngine(parts, name, progress),
    'model.list': () => Promise.resolve({ models: models.loaded.map((model) => describe(model, models)) }),
    'model.load': ({ folder, name }, progress) => models.load(folder, name, progress),
    'model.drop': ({ name }, progress) => models.drop(name, progress),
    'model.rollback': ({ name }, progress) => models.rollback(name, progress),
  };
}

async function buildEngine(
  { engines, models }: ControlledParts,
  name: string | undefined,
  progress: (progress: Progress) => void,
): Promise<ControlResult<'engine.build'>> {
  const model = models.loaded.find((one) => one.name === (name ?? models.default));
  if (model === undefined) throw new IntentdError('unknown_model', `No model ${name ?? ''} is loaded.`);
  const { key, choice, candidates, totalMs } = await engines.rebuild(model, ({ step, percent }) => {
    progress({ step, done: percent, of: 100 });
  });
  const { planBytes } = candidates.find((one) => one.name === choice.name)!;
  return { key, engine: choice.name, reason: choice.reason, seconds: Math.round(totalMs / 1000), planBytes };
}

/** How the agent and its engines are. */
export function engineStatus({ agent, engines: all, models, inFlight }: ControlledParts): EngineStatus {
  const slots = [...new Set(models.loaded.map(({ slot }) => slot))];
  const engines = slots.map((slot) => ({
    ...engineOf(slot, models.loaded, inFlight(slot)),
    key: all.engineKeyOf(slot) ?? null,
  }));
  const well = engines.every(({ state }) => state !== 'failing');
  return {
    agent,
    state: slots.length === 0 ? 'starting' : well ? 'online' : 'degraded',
    engines,
    building: all.building ?? null,
  };
}

function engineOf(
  slot: EngineSlot,
  models: readonly LoadedModel[],
  inFlight: number,
): Omit<EngineStatus['engines'][number], 'key'> {
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
