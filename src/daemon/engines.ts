import { fileURLToPath } from 'node:url';
import { IntentdError, messageOf, type Clock, type Logger } from '../base/index.js';
import type { Config } from '../config/index.js';
import { EngineSlot, WorkerProcess } from '../engine/index.js';
import { padTokens } from '../model/index.js';
import type { ServedModel, ServedModels } from '../requests/index.js';
import {
  bundleFolder,
  identifyBundle,
  loadBundle,
  type BundleIdentity,
  type LoadedBundle,
} from './bundles.js';

const warmUps = 3;

/** The loaded bundles and the workers that hold their encoders: one for each encoder. */
export class Engines {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #onHealth: (health: 'well' | 'failing') => void;
  readonly #slots = new Map<string, EngineSlot>();
  #served: ServedModels = { byId: new Map(), default: undefined };

  constructor(config: Config, onHealth: (health: 'well' | 'failing') => void, clock: Clock, log: Logger) {
    this.#config = config;
    this.#onHealth = onHealth;
    this.#clock = clock;
    this.#log = log;
  }

  get served(): ServedModels {
    return this.#served;
  }

  get slots(): readonly EngineSlot[] {
    return [...this.#slots.values()];
  }

  /**
   * Loads the configured bundles. One that cannot be used is refused with the reason, and the others
   * serve.
   *
   * @throws IntentdError the first reason, where none can be used
   */
  async start(): Promise<void> {
    const folders = this.#config.model.bundles.map(bundleFolder);
    const results = await Promise.allSettled(folders.map((folder) => this.#load(folder)));
    const models = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const refusals = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    for (const reason of refusals) this.#log.error({ reason: messageOf(reason) }, 'a bundle was refused');
    if (models.length === 0) throw refusals[0];
    const byId = new Map(models.map((model) => [model.id, model]));
    this.#served = { byId, default: this.#defaultOf(byId, models[0]!) };
  }

  /** Runs one real inference on every engine; rejects where one fails. */
  async probe(): Promise<void> {
    for (const model of this.#served.byId.values()) await inferOnce(model, 'hello');
  }

  async close(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.close()));
  }

  #defaultOf(byId: ReadonlyMap<string, ServedModel>, first: ServedModel): ServedModel {
    const wanted = this.#config.model.default;
    const model = wanted === undefined ? first : byId.get(wanted);
    if (model === undefined) {
      throw new IntentdError(
        'bad_config',
        `model.default is ${wanted ?? ''}, and the loaded bundles are ${[...byId.keys()].join(', ')}.`,
      );
    }
    return model;
  }

  async #load(folder: string): Promise<ServedModel> {
    const identity = await identifyBundle(folder);
    const [slot, bundle] = await Promise.all([this.#slotFor(identity), loadBundle(identity)]);
    const { id, version } = bundle.manifest;
    await slot.loadHead(bundle.digest, bundle.headOnnx);
    const model: ServedModel = {
      id,
      version,
      head: bundle.digest,
      engine: slot,
      rules: bundle.rules,
      tokenizer: bundle.tokenizer,
    };
    await warmUp(model, bundle);
    const { kind, form } = slot.info;
    this.#log.info({ model: id, version, engine: kind, form, worker: slot.pid }, 'a bundle is loaded');
    return model;
  }

  async #slotFor({ folder, encoder }: BundleIdentity): Promise<EngineSlot> {
    const existing = this.#slots.get(encoder);
    if (existing !== undefined && (await startedWell(existing))) return existing;
    const { hangMs, heartbeatMs, kind, startMs, threads } = this.#config.engine;
    const script = fileURLToPath(new URL('../engine/worker/main.js', import.meta.url));
    const command = [process.execPath, '--expose-gc', script, JSON.stringify({ folder, kind, threads })];
    const slot = new EngineSlot(
      {
        launch: () => WorkerProcess.start({ command, hangMs, startMs }, this.#log),
        heartbeatMs,
        onHealth: this.#onHealth,
      },
      this.#clock,
      this.#log,
    );
    this.#slots.set(encoder, slot);
    await slot.start();
    return slot;
  }
}

/** Whether a slot serves; why not is told by who started it, with another bundle's files. */
function startedWell(slot: EngineSlot): Promise<boolean> {
  return slot.started.then(
    () => true,
    () => false,
  );
}

/** The first inferences of a shape are slow: they are not a sender's. */
async function warmUp(model: ServedModel, bundle: LoadedBundle): Promise<void> {
  const texts = bundle.golden.slice(0, warmUps).map((golden) => golden.text);
  for (const text of texts) await inferOnce(model, text);
}

async function inferOnce(model: ServedModel, text: string): Promise<void> {
  const { logits } = await model.engine.infer(padTokens([model.tokenizer.encode(text)]), model.head);
  if (!logits.every(Number.isFinite)) {
    throw new IntentdError('bad_output', `The engine of ${model.id} gives outputs that are not finite.`);
  }
}
