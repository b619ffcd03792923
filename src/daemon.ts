import { mkdirSync } from 'node:fs';
import {
  IntentdError,
  systemClock,
  messageOf,
  removeTemporaries,
  type Clock,
  type Logger,
} from './base/index.js';
import type { Config } from './config/index.js';
import { Rooms } from './daemon/rooms.js';
import { controlSockets } from './service/index.js';
import type { UpdateHost } from './update/index.js';

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

/** The agent: makes the rooms, and starts and stops them in order. */
export class Daemon {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #env: NodeJS.ProcessEnv;
  readonly #rooms: Rooms;
  readonly #connected: Promise<void>;
  #metricsTimer: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  /** @throws IntentdError `bad_config` where a secret cannot be read */
  constructor({ config, env, version, log, clock = systemClock }: DaemonOptions) {
    mkdirSync(config.stateDir, { recursive: true, mode: 0o750 });
    this.#config = config;
    this.#env = env;
    this.#log = log;
    let onConnected: () => void = () => undefined;
    this.#connected = new Promise((resolve) => (onConnected = resolve));
    this.#rooms = new Rooms({ config, env, version, log, clock, onConnected });
  }

  /** Where clients reach the broker. */
  get brokerUrl(): string {
    return this.#rooms.broker.url;
  }

  /** Where the dashboard is; `undefined` where there is none. */
  get dashboardUrl(): string | undefined {
    return this.#rooms.web.url;
  }

  /** The bundles that serve, the default first, as `id version`. */
  get models(): string[] {
    return this.#rooms.models.names;
  }

  /** What updates are carried out with. */
  get updateHost(): UpdateHost {
    return this.#rooms.host;
  }

  /** Process ids of the engine workers. */
  get workers(): number[] {
    return this.#rooms.engines.slots.map((slot) => slot.pid);
  }

  /**
   * Loads the bundles, then begins to take requests; resolves when the broker is reached. While it is
   * not, the daemon keeps trying.
   *
   * @throws IntentdError where no bundle can be used, the embedded broker's port is taken, or another agent runs on
   *   the state directory
   */
  async start(): Promise<void> {
    const { broker, deliveries, homeAssistant, models, notifier, report, telemetry, updates, watchdog, web } =
      this.#rooms;
    try {
      telemetry.start();
      await this.#startControl();
      await homeAssistant.start();
      await removeTemporaries(this.#config.stateDir);
      await updates.open();
      await models.start();
      if (this.#stopped !== undefined) return;
      report.publishHealth(this.#rooms.health);
      await broker.start();
      deliveries.recover();
      watchdog?.start();
      this.#metricsTimer = setInterval(() => {
        report.publishMetrics();
      }, metricsMs);
      await web.start();
      await this.#connected;
      updates.start();
      await notifier.ready(models.summary);
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
    const {
      broker,
      control,
      deliveries,
      engines,
      homeAssistant,
      models,
      notifier,
      requests,
      telemetry,
      updates,
      watchdog,
      web,
    } = this.#rooms;
    const updating = updates.stop();
    const loading = models.stop();
    watchdog?.stop();
    clearInterval(this.#metricsTimer);
    homeAssistant.stop();
    void notifier.stopping();
    await this.#step('close the control channel', control.stop());
    await this.#step('unsubscribe', broker.stopTaking());
    await this.#step('answer what waits', requests.drain(drainMs));
    deliveries.flush();
    await this.#step('close the dashboard', web.stop());
    await this.#step('say goodbye', broker.stop(farewellMs));
    deliveries.close();
    await this.#step('write the request log', telemetry.stop());
    await this.#step('stop the engines', engines.close());
    await this.#step('let go of updates', updating);
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

  /**
   * Without it the agent serves what it is configured to, and cannot be told to change; only two agents on
   * one state directory would undo each other's work.
   *
   * @throws IntentdError `already_running`
   */
  async #startControl(): Promise<void> {
    try {
      await this.#rooms.control.start(controlSockets(this.#config, this.#env));
    } catch (error) {
      if (error instanceof IntentdError && error.code === 'already_running') throw error;
      this.#log.error({ reason: messageOf(error) }, 'the control channel cannot be opened');
    }
  }
}

export { bundleFolder } from './daemon/bundles.js';
export { telemetryOptions } from './daemon/roomOptions.js';
export { TensorRt, isTensorRtUnusable } from './daemon/tensorRt.js';
