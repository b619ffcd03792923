import type { Clock, Logger } from '../base/index.js';
import { Broker } from '../broker/index.js';
import type { Config } from '../config/index.js';
import { Deliveries, Requests } from '../requests/index.js';
import { ControlServer, Notifier, Watchdog } from '../service/index.js';
import { Telemetry, type Web } from '../telemetry/index.js';
import { ActiveModels } from './activeModels.js';
import { Answering } from './answering.js';
import { BundleStore } from './bundleStore.js';
import { controlHandlers } from './controlHandlers.js';
import type { EngineNews } from './engineBuilds.js';
import { keepEngineNews } from './engineHistory.js';
import { Engines } from './engines.js';
import { GoldenGate, type Candidate } from './goldenGate.js';
import { HomeAssistant } from './homeAssistant.js';
import { Models } from './models.js';
import { brokerOptions, deliveriesOptions, openDeliveryStore, telemetryOptions } from './roomOptions.js';
import { SelfReport } from './selfReport.js';
import { AgentUpdates } from './updates/agentUpdates.js';
import { updateHandlers } from './updates/controlHandlers.js';
import { BundleHost } from './updates/host.js';
import { MqttUpdates } from './updates/mqttUpdates.js';
import { Traffic } from './updates/traffic.js';
import { makeWeb } from './web.js';
import { UpdateHistory } from './updates/updateHistory.js';

export interface RoomsOptions {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Version of the agent. */
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Called each time the broker is reached. */
  readonly onConnected: () => void;
}

/** The rooms of the agent, wired with one another; nothing runs before it is started. */
export class Rooms {
  readonly #options: RoomsOptions;
  readonly #gate: GoldenGate;
  readonly #traffic = new Traffic();
  #health: 'well' | 'failing' = 'well';
  readonly notifier: Notifier;
  readonly engines: Engines;
  readonly telemetry: Telemetry;
  readonly requests: Requests;
  readonly store: BundleStore;
  readonly active: ActiveModels;
  readonly models: Models;
  /** What updates are carried out with. */
  readonly host: BundleHost;
  readonly updates: AgentUpdates;
  readonly mqttUpdates: MqttUpdates;
  readonly control: ControlServer;
  readonly broker: Broker;
  readonly homeAssistant: HomeAssistant;
  readonly deliveries: Deliveries;
  readonly answering: Answering;
  readonly report: SelfReport;
  readonly web: Web;
  /** Absent where nothing waits to hear that the agent lives. */
  readonly watchdog: Watchdog | undefined;

  /** @throws IntentdError `bad_config` where a secret cannot be read, `no_addon` */
  constructor(options: RoomsOptions) {
    const { clock, config, env, log, version } = options;
    this.#options = options;
    this.notifier = new Notifier(env, log);
    this.#gate = new GoldenGate(
      { stateDir: config.stateDir, agent: version, floor: config.model.goldenFloor },
      log,
    );
    this.engines = this.#makeEngines();
    this.telemetry = new Telemetry(telemetryOptions(config), clock, log);
    this.requests = new Requests(config.requests, clock, log, this.telemetry);
    this.store = new BundleStore(config.stateDir);
    this.active = new ActiveModels(config.stateDir, log);
    this.models = this.#makeModels();
    this.host = this.#makeHost();
    this.updates = this.#makeUpdates();
    this.control = this.#makeControl();
    this.broker = new Broker(brokerOptions(config, env), this.#brokerHandlers(), log);
    this.mqttUpdates = this.#makeMqttUpdates();
    this.homeAssistant = this.#makeHomeAssistant();
    this.deliveries = this.#makeDeliveries();
    this.answering = this.#makeAnswering();
    this.watchdog = this.#makeWatchdog();
    this.report = this.#makeReport();
    this.web = this.#makeWeb();
  }

  #makeEngines(): Engines {
    const { clock, config, log } = this.#options;
    const options = {
      config,
      onHealth: () => {
        this.#tellHealth();
      },
      onNews: (news: EngineNews) => {
        this.report.publishEngine(news);
        keepEngineNews(this.telemetry, news);
        void this.notifier.status(
          news.phase === 'building' ? `${news.step}, ${news.percent} %` : this.models.summary,
        );
      },
      onServing: () => {
        this.report.publishInfo();
      },
      check: (candidate: Candidate) => this.#gate.check(candidate, () => undefined),
    };
    return new Engines(options, clock, log);
  }

  /** How the engines are that serve: one that is only tried is no one's concern. */
  get health(): 'well' | 'failing' {
    return this.models.loaded.some(({ slot }) => slot.failing) ? 'failing' : 'well';
  }

  #tellHealth(): void {
    const { health } = this;
    if (health === this.#health) return;
    this.#health = health;
    this.report.publishHealth(health);
    this.telemetry.noteEvent(health === 'well' ? 'engines-well' : 'engines-failing');
  }

  #makeModels(): Models {
    const { config, log } = this.#options;
    return new Models({
      config,
      engines: this.engines,
      store: this.store,
      active: this.active,
      gate: this.#gate,
      serve: (models) => {
        this.requests.serve(models);
        this.report.publishInfo();
        this.homeAssistant.announce();
        this.#tellHealth();
      },
      openFor: (model) => this.requests.openFor(model),
      reroute: (model) => {
        this.requests.reroute(model);
      },
      inFlight: () => this.updates.inFlight,
      log,
    });
  }

  #makeHost(): BundleHost {
    const { active, engines, models, store, telemetry } = this;
    const { clock, config, log } = this.#options;
    return new BundleHost({
      bounds: config.update.gates,
      models,
      engines,
      store,
      active,
      golden: this.#gate,
      meter: {
        began: telemetry.began.bind(telemetry),
        ended: telemetry.ended.bind(telemetry),
        costOf: telemetry.costOf.bind(telemetry),
        get sampleMs() {
          return telemetry.meter.meter?.sampleMs ?? 0;
        },
        get fault() {
          return telemetry.meter.fault;
        },
      },
      traffic: this.#traffic,
      clock,
      log,
    });
  }

  #makeUpdates(): AgentUpdates {
    const { active, host, models, store } = this;
    const { clock, config, log, version: agent } = this.#options;
    const history = new UpdateHistory(this.telemetry, log);
    return new AgentUpdates({
      ...{ active, agent, clock, config, host, log, models, store },
      onChange: (view) => {
        history.changed(view);
        this.mqttUpdates.tell(view);
      },
      onEnded: (ended) => {
        history.ended(ended);
      },
    });
  }

  #makeMqttUpdates(): MqttUpdates {
    const { broker, host, models, updates } = this;
    const { clock, log } = this.#options;
    return new MqttUpdates({ broker, clock, host, log, models, updates });
  }

  #makeControl(): ControlServer {
    const { engines, host, models, requests, updates } = this;
    const { config, log, version: agent } = this.#options;
    const inFlight = requests.loadOf.bind(requests);
    const handlers = {
      ...controlHandlers({ agent, models, engines, inFlight }),
      ...updateHandlers({ config: config.update, host, models, updates }),
    };
    return new ControlServer(handlers, log);
  }

  #brokerHandlers(): ConstructorParameters<typeof Broker>[1] {
    return {
      onRequest: (request) => {
        this.answering.take(request);
      },
      onRefused: (dialect, code) => {
        this.answering.refused(dialect, code);
      },
      onNotice: (_topic, payload) => {
        this.homeAssistant.heard(payload);
      },
      onUpdate: (payload) => {
        this.mqttUpdates.heard(payload);
      },
      onUp: () => {
        this.homeAssistant.connected();
        this.#options.onConnected();
      },
      onDown: () => undefined,
    };
  }

  #makeHomeAssistant(): HomeAssistant {
    const { broker, models } = this;
    const { config, log, version } = this.#options;
    return new HomeAssistant({ config, version, models, broker, log });
  }

  #makeDeliveries(): Deliveries {
    const { clock, config, log } = this.#options;
    const publish = this.broker.publish.bind(this.broker);
    return new Deliveries(deliveriesOptions(config), openDeliveryStore(config, log), publish, clock, log);
  }

  #makeAnswering(): Answering {
    const { clock, config } = this.#options;
    return new Answering({
      requests: this.requests,
      deliveries: this.deliveries,
      publish: this.broker.publish.bind(this.broker),
      record: (row, batch) => {
        this.telemetry.record(row, batch);
      },
      observed: (utterance, outcome, trace) => {
        this.#traffic.note(utterance, outcome, trace);
      },
      inferred: (answer) => {
        this.watchdog?.succeeded();
        this.homeAssistant.answered(answer);
      },
      keepText: config.log.text,
      clock,
    });
  }

  #makeWatchdog(): Watchdog | undefined {
    const everyMs = this.notifier.watchdogMs;
    if (everyMs === undefined) return undefined;
    const feed = (): void => void this.notifier.watchdog();
    return new Watchdog({ everyMs, feed, probe: () => this.models.probe() }, this.#options.clock);
  }

  #makeReport(): SelfReport {
    const { answering, broker, engines, models, requests, telemetry } = this;
    const { clock, config, version } = this.#options;
    return new SelfReport({
      config,
      version,
      models,
      engines,
      requests,
      telemetry,
      answering,
      broker,
      clock,
    });
  }

  #makeWeb(): Web {
    const { answering, broker, engines, models, mqttUpdates, requests, telemetry } = this;
    const { clock, config, env, log, version } = this.#options;
    const update = () => mqttUpdates.state;
    return makeWeb(
      { config, env, version, models, engines, requests, telemetry, answering, broker, update },
      clock,
      log,
    );
  }
}
