import type { Clock } from '../base/index.js';
import type { Broker } from '../broker/index.js';
import type { Config } from '../config/index.js';
import { isolation } from '../engine/index.js';
import type { Requests } from '../requests/index.js';
import type { Telemetry } from '../telemetry/index.js';
import type { Answering } from './answering.js';
import type { EngineNews } from './engineBuilds.js';
import type { Engines } from './engines.js';
import type { Models } from './models.js';

export interface SelfReportParts {
  readonly config: Config;
  readonly version: string;
  readonly models: Models;
  readonly engines: Engines;
  readonly requests: Requests;
  readonly telemetry: Telemetry;
  readonly answering: Answering;
  readonly broker: Broker;
  readonly clock: Clock;
}

/** What the agent says of itself over MQTT: `state`, `engine`, `info` and `metrics` of the protocol. */
export class SelfReport {
  readonly #parts: SelfReportParts;
  /** What was told last of builds; a worker that is well again does not end a build, nor its report. */
  #news: EngineNews = { phase: 'ready', percent: 100, step: 'serving' };

  constructor(parts: SelfReportParts) {
    this.#parts = parts;
  }

  /** Says, retained, whether the engine workers are well. */
  publishHealth(health: 'well' | 'failing'): void {
    const { broker } = this.#parts;
    broker.setState(health === 'well' ? 'online' : 'degraded');
    broker.setEngine(
      health === 'well'
        ? this.#news
        : { phase: 'failed', percent: 100, step: 'the engine worker keeps failing and is restarted' },
    );
  }

  /** Says, retained, how far an engine is that is being built, or what came of it. */
  publishEngine(news: EngineNews): void {
    this.#news = news;
    this.#parts.broker.setEngine(news);
  }

  /** Says, retained, what serves. */
  publishInfo(): void {
    const { broker, config, models, telemetry, version } = this.#parts;
    const { meter, fault } = telemetry.meter;
    broker.setInfo({
      agent: version,
      device: config.device,
      workerNetwork: isolation() === 'namespace' ? 'none' : 'shared',
      meter: meter ?? { kind: 'none', reason: fault },
      models: models.loaded.map(({ name, identity, served, slot }) => ({
        id: name,
        version: served.version,
        digest: identity.digest,
        engine: slot.info.kind,
        engineVersion: slot.info.version,
        precision: slot.info.precision,
        form: slot.info.form,
        sparsity: identity.manifest.sparsity.achieved,
        default: models.default === name,
      })),
    });
  }

  /** Publishes figures of the requests since the last time. */
  publishMetrics(): void {
    const { answering, broker, clock, engines, requests, telemetry } = this.#parts;
    const { dropped, waiting } = broker.counters;
    broker.publishMetrics({
      ...telemetry.recent.take(clock.now()),
      railsW: railsW(telemetry.railsMw),
      queued: requests.waiting,
      outbox: waiting,
      dropped: dropped + telemetry.requestLog.counters.dropped,
      repeated: answering.counters.repeated,
      workerRestarts: engines.slots.reduce((sum, slot) => sum + slot.restarts, 0),
      workerMib: engines.slots.map((slot) => Math.round(slot.residentKib / 1024)),
    });
  }
}

/** Watts by rail, to the milliwatt; `null` where nothing measures. */
function railsW(railsMw: ReadonlyMap<string, number>): Record<string, number> | null {
  if (railsMw.size === 0) return null;
  return Object.fromEntries([...railsMw].map(([rail, powerMw]) => [rail, Math.round(powerMw) / 1000]));
}
