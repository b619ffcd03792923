import { mkdirSync } from 'node:fs';
import { systemClock, messageOf, type Clock, type Logger } from './base/index.js';
import { Broker } from './broker/index.js';
import type { Config } from './config/index.js';
import { ActiveModels } from './daemon/activeModels.js';
import { Answering } from './daemon/answering.js';
import { BundleStore } from './daemon/bundleStore.js';
import { controlHandlers } from './daemon/controlHandlers.js';
import { Engines } from './daemon/engines.js';
import type { EngineNews } from './daemon/engineBuilds.js';
import { keepEngineNews } from './daemon/engineHistory.js';
import { GoldenGate, type Candidate } from './daemon/goldenGate.js';
import { Models } from './daemon/models.js';
import {
  brokerOptions,
  deliveriesOptions,
  openDeliveryStore,
  telemetryOptions,
} from './daemon/roomOptions.js';
import { SelfReport } from './daemon/selfReport.js';
import { Deliveries, Requests } from './requests/index.js';
import { ControlServer, Notifier, Watchdog, controlSockets } from './service/index.js';
import { Telemetry } from './telemetry/index.js';

export interface DaemonOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  readonly log: Logger;
  readonly clock?: Clock;
}

const drainMs = 3000;
const farewellMs = 1500;
const metricsMs = 10_000;

/** The one composition root: makes the rooms, wires them, starts and stops them in order. */
export class Daemon {
  readonly #config: Config;
  readonly #version: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #notifier: Notifier;
  readonly #env: NodeJS.ProcessEnv;
  readonly #gate: GoldenGate;
  readonly #engines: Engines;
  readonly #models: Models;
  readonly #control: ControlServer;
  readonly #requests: Requests;
  readonly #telemetry: Telemetry;
  readonly #deliveries: Deliveries;
  readonly #broker: Broker;
  readonly #answering: Answering;
  readonly #watchdog: Watchdog | undefined;
  readonly #report: SelfReport;
  #metricsTimer: NodeJS.Timeout | undefined;
  #connected: () => void = () => undefined;
  #stopped: Promise<void> | undefined;

  /** @throws IntentdError `bad_config` where a secret cannot be read */
  constructor({ config, env, version, log, clock = systemClock }: DaemonOptions) {
    mkdirSync(config.stateDir, { recursive: true, mode: 0o750 });
    this.#config = config;
    this.#env = env;
    this.#version = version;
    this.#log = log;
    this.#clock = clock;
    this.#notifier = new Notifier(env, log);
    this.#gate = new GoldenGate(
      { stateDir: config.stateDir, agent: version, floor: config.model.goldenFloor },
      log,
    );
    this.#engines = this.#makeEngines();
    this.#telemetry = new Telemetry(telemetryOptions(config), clock, log);
    this.#requests = new Requests(config.requests, clock, log, this.#telemetry);
    this.#models = this.#makeModels();
    this.#control = this.#makeControl();
    this.#broker = new Broker(brokerOptions(config, env), this.#brokerHandlers(), log);
    const publish: Broker['publish'] = (message, delivered) => {
      this.#broker.publish(message, delivered);
    };
    const store = openDeliveryStore(config, log);
    this.#deliveries = new Deliveries(deliveriesOptions(config), store, publish, clock, log);
    this.#watchdog = this.#makeWatchdog();
    this.#answering = this.#makeAnswering(publish);
    this.#report = this.#makeReport();
  }

  /** Where clients reach the broker. */
  get brokerUrl(): string {
    return this.#broker.url;
  }

  /** The bundles that serve, the default first, as `id version`. */
  get models(): string[] {
    return this.#models.loaded.map(({ served: { id, version } }) => `${id} ${version}`);
  }

  /** Process ids of the engine workers. */
  get workers(): number[] {
    return this.#engines.slots.map((slot) => slot.pid);
  }

  /**
   * Loads the bundles, then begins to take requests; resolves when the broker is reached. While it is
   * not, the daemon keeps trying.
   *
   * @throws IntentdError where no bundle can be used, or the embedded broker's port is taken
   */
  async start(): Promise<void> {
    try {
      this.#telemetry.start();
      await this.#startControl();
      await this.#models.start();
      if (this.#stopped !== undefined) return;
      this.#report.publishHealth('well');
      const connected = new Promise<void>((resolve) => {
        this.#connected = resolve;
      });
      await this.#broker.start();
      this.#deliveries.recover();
      this.#watchdog?.start();
      this.#metricsTimer = setInterval(() => {
        this.#report.publishMetrics();
      }, metricsMs);
      await connected;
      await this.#notifier.ready(`serving ${this.models.join(', ')}`);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops to take requests, answers what it has, and ends, all within five seconds. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const loading = this.#models.stop();
    this.#watchdog?.stop();
    clearInterval(this.#metricsTimer);
    void this.#notifier.stopping();
    await this.#step('close the control channel', this.#control.stop());
    await this.#step('unsubscribe', this.#broker.stopTaking());
    await this.#step('answer what waits', this.#requests.drain(drainMs));
    this.#deliveries.flush();
    await this.#step('say goodbye', this.#broker.stop(farewellMs));
    this.#deliveries.close();
    await this.#step('write the request log', this.#telemetry.stop());
    await this.#step('stop the engines', this.#engines.close());
    await this.#step('give up what was being loaded', loading);
  }

  /** One step of stopping; a failure is told and the next step taken. */
  async #step(name: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, `could not ${name} while stopping`);
    }
  }

  #brokerHandlers(): ConstructorParameters<typeof Broker>[1] {
    return {
      onRequest: (request) => {
        this.#answering.take(request);
      },
      onRefused: (dialect, code) => {
        this.#answering.refused(dialect, code);
      },
      onUp: () => {
        this.#connected();
      },
      onDown: () => undefined,
    };
  }

  #makeAnswering(publish: Broker['publish']): Answering {
    return new Answering({
      requests: this.#requests,
      deliveries: this.#deliveries,
      publish,
      record: (row, batch) => {
        this.#telemetry.record(row, batch);
      },
      inferred: () => {
        this.#watchdog?.succeeded();
      },
      keepText: this.#config.log.text,
      clock: this.#clock,
    });
  }

  #makeReport(): SelfReport {
    return new SelfReport({
      config: this.#config,
      version: this.#version,
      models: this.#models,
      engines: this.#engines,
      requests: this.#requests,
      telemetry: this.#telemetry,
      answering: this.#answering,
      broker: this.#broker,
      clock: this.#clock,
    });
  }

  #makeWatchdog(): Watchdog | undefined {
    const everyMs = this.#notifier.watchdogMs;
    if (everyMs === undefined) return undefined;
    const feed = (): void => void this.#notifier.watchdog();
    return new Watchdog({ everyMs, feed, probe: () => this.#models.probe() }, this.#clock);
  }

  #makeEngines(): Engines {
    const options = {
      config: this.#config,
      onHealth: (health: 'well' | 'failing') => {
        this.#report.publishHealth(health);
        this.#telemetry.noteEvent(health === 'well' ? 'engines-well' : 'engines-failing');
      },
      onNews: (news: EngineNews) => {
        this.#report.publishEngine(news);
        keepEngineNews(this.#telemetry, news);
        if (news.phase === 'building') void this.#notifier.status(`${news.step}, ${news.percent} %`);
        else void this.#notifier.status(`serving ${this.models.join(', ')}`);
      },
      onServing: () => {
        this.#report.publishInfo();
      },
      check: (candidate: Candidate) => this.#gate.check(candidate, () => undefined),
    };
    return new Engines(options, this.#clock, this.#log);
  }

  #makeModels(): Models {
    const { stateDir } = this.#config;
    return new Models({
      config: this.#config,
      engines: this.#engines,
      store: new BundleStore(stateDir),
      active: new ActiveModels(stateDir, this.#log),
      gate: this.#gate,
      serve: (models) => {
        this.#requests.serve(models);
        this.#report.publishInfo();
      },
      openFor: (model) => this.#requests.openFor(model),
      log: this.#log,
    });
  }

  #makeControl(): ControlServer {
    const handlers = controlHandlers({
      agent: this.#version,
      models: this.#models,
      engines: this.#engines,
      inFlight: (engine) => this.#requests.loadOf(engine),
    });
    return new ControlServer(handlers, this.#log);
  }

  /** Without it the agent serves what it is configured to, and cannot be told to change. */
  async #startControl(): Promise<void> {
    try {
      await this.#control.start(controlSockets(this.#config, this.#env));
    } catch (error) {
      this.#log.error({ reason: messageOf(error) }, 'the control channel cannot be opened');
    }
  }
}

export { bundleFolder } from './daemon/bundles.js';
export { TensorRt } from './daemon/tensorRt.js';
