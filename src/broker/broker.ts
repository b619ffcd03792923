import type { Logger } from '../base/index.js';
import type { ProtocolChoice } from './connection.js';
import { EmbeddedBroker } from './embedded.js';
import type { Endpoint } from './endpoint.js';
import { decodeHermes } from './hermes.js';
import type { Link, LinkHandlers } from './link.js';
import type { Decoded, Dialect, Inbound, Outbound, Request } from './message.js';
import { decodeNative } from './native.js';
import { ResponseTopicRule, Topics, hermesTopics } from './topics.js';

export interface BrokerOptions {
  readonly device: string;
  readonly prefix: string;
  /** Absent: an embedded broker on `embeddedPort`. */
  readonly endpoint?: Endpoint;
  readonly embeddedPort: number;
  readonly protocol: ProtocolChoice;
  readonly keepaliveSeconds: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly responseTopics: readonly string[];
  readonly pools: readonly string[];
  readonly hermes: { readonly enabled: boolean; readonly siteIds: readonly string[] };
  /** Topics to hear that are no requests. */
  readonly notices?: readonly string[];
  /** Topic filters that no Response Topic may match, beside those that are heard. */
  readonly reserved?: readonly string[];
}

export interface BrokerHandlers {
  onRequest(request: Request): void;
  /** A message that was answered with a refusal, because it breaks the protocol. */
  onRefused(dialect: Dialect, code: string): void;
  /** A message on one of the `notices`, retained or not. */
  onNotice?(topic: string, payload: Buffer): void;
  /** What somebody wants of updates: see `update` in the protocol. */
  onUpdate?(payload: Buffer): void;
  onUp(): void;
  /** `waitMs` later it is tried again. */
  onDown(reason: string, waitMs: number): void;
}

/** What the room counted since the start. */
export interface BrokerCounters {
  readonly received: number;
  readonly refused: number;
  readonly retained: number;
  readonly otherSite: number;
  readonly dropped: number;
  readonly waiting: number;
}

export type DeviceState = 'online' | 'degraded' | 'offline';

const outboxLimit = 10_000;

/** The way in and out over MQTT: decodes requests of both dialects, publishes answers and state. */
export class Broker {
  readonly topics: Topics;
  readonly #options: BrokerOptions;
  readonly #handlers: BrokerHandlers;
  readonly #log: Logger;
  readonly #allowed: ResponseTopicRule;
  readonly #notices: readonly string[];
  readonly #retained = new Map<string, Outbound>();
  readonly #counts = { received: 0, refused: 0, retained: 0, otherSite: 0 };
  #embedded: EmbeddedBroker | undefined;
  #link: Link | undefined;
  #pools: Link | undefined;

  constructor(options: BrokerOptions, handlers: BrokerHandlers, log: Logger) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
    this.topics = new Topics(options.prefix, options.device);
    this.#notices = options.notices ?? [];
    this.#allowed = new ResponseTopicRule(options.responseTopics, [
      `${options.prefix}/+/request`,
      `${options.prefix}/pool/+/request`,
      `${options.prefix}/+/update`,
      hermesTopics.query,
      ...this.#notices,
      ...(options.reserved ?? []),
    ]);
    this.#remember(this.topics.state, 'online');
  }

  get up(): boolean {
    return this.#link?.up === true;
  }

  get counters(): BrokerCounters {
    const outbox = this.#link?.outbox;
    return { ...this.#counts, dropped: outbox?.dropped ?? 0, waiting: outbox?.size ?? 0 };
  }

  /** Where clients reach the broker, as `mqtt://host:port`. */
  get url(): string {
    const { host, port, tls } = this.#endpoint();
    return `${tls === undefined ? 'mqtt' : 'mqtts'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /**
   * Starts the embedded broker where none is configured, and begins to connect; `onUp` says when.
   *
   * @throws IntentdError `port_taken`
   */
  async start(): Promise<void> {
    if (this.#options.endpoint === undefined) await this.#startEmbedded();
    else await this.#startConnections(this.#options.endpoint);
  }

  /** Publishes one message; it waits, bounded, while the broker is away. */
  publish(message: Outbound, delivered?: () => void): void {
    this.#link?.publish({ message, ...(delivered === undefined ? {} : { delivered }) });
  }

  /** Says, retained, how the device is. */
  setState(state: DeviceState): void {
    this.#publishRetained(this.topics.state, state);
  }

  /** Says, retained, what serves: see `info` in the protocol. */
  setInfo(info: object): void {
    this.#publishRetained(this.topics.info, JSON.stringify(info));
  }

  /** Says, retained, how far the engine is: see `engine` in the protocol. */
  setEngine(engine: object): void {
    this.#publishRetained(this.topics.engine, JSON.stringify(engine));
  }

  /** Says, retained, how updates are: see `update/state` in the protocol. */
  setUpdate(update: object): void {
    this.#publishRetained(this.topics.updateState, JSON.stringify(update));
  }

  /** Says something, retained, on a topic that is not ours alone; again after every reconnection. */
  announce(topic: string, payload: string): void {
    this.#publishRetained(topic, payload);
  }

  /** Publishes figures to whoever listens right now: see `metrics` in the protocol. */
  publishMetrics(metrics: object): void {
    this.publishNow(this.topics.metrics, JSON.stringify(metrics));
  }

  /** Publishes to whoever listens right now; nothing is kept while the broker is away. */
  publishNow(topic: string, payload: string): void {
    if (this.up) this.publish({ topic, payload, qos: 0 });
  }

  /** Stops to take requests; answers still go out. */
  async stopTaking(): Promise<void> {
    await Promise.all([this.#link?.unsubscribe(), this.#pools?.stop(500)]);
  }

  /** Sends what waits, at most `withinMs`, says `offline`, and disconnects. */
  async stop(withinMs: number): Promise<void> {
    this.setState('offline');
    await Promise.all([this.#link?.stop(withinMs), this.#pools?.stop(withinMs)]);
    await this.#embedded?.stop();
  }

  #endpoint(): Endpoint {
    const port = this.#embedded?.port ?? this.#options.embeddedPort;
    return this.#options.endpoint ?? { host: '127.0.0.1', port };
  }

  #subscriptions(): string[] {
    const hermes = this.#options.hermes.enabled ? [hermesTopics.query] : [];
    return [this.topics.request, this.topics.update, ...hermes, ...this.#notices];
  }

  /** A broker of our own shares the pools' requests with nobody. */
  async #startEmbedded(): Promise<void> {
    this.#embedded = new EmbeddedBroker(this.#options.embeddedPort);
    await this.#embedded.start();
    const pools = this.#options.pools.map((group) => this.topics.poolRequest(group));
    const subscriptions = [...this.#subscriptions(), ...pools];
    this.#link = this.#embedded.link({ subscriptions, outboxLimit }, this.#mainHandlers(), this.#log);
    this.#link.start();
  }

  /** Loads the client only where there is a broker to connect to: it takes more memory than all the rest here. */
  async #startConnections(endpoint: Endpoint): Promise<void> {
    const { Connection } = await import('./connection.js');
    const common = { ...this.#options, endpoint, outboxLimit };
    const { device, pools } = this.#options;
    this.#link = new Connection(
      {
        ...common,
        clientId: device,
        persistent: true,
        will: { topic: this.topics.state, payload: 'offline', qos: 1, retain: true },
        subscriptions: this.#subscriptions(),
      },
      this.#mainHandlers(),
      this.#log,
    );
    this.#link.start();
    if (pools.length === 0) return;
    const subscriptions = pools.map((group) => this.topics.poolSubscription(group));
    this.#pools = new Connection(
      { ...common, clientId: `${device}-pool`, persistent: false, subscriptions },
      this.#poolHandlers(),
      this.#log,
    );
    this.#pools.start();
  }

  #mainHandlers(): LinkHandlers {
    return {
      onMessage: (message: Inbound) => {
        this.#receive(message);
      },
      onUp: () => {
        for (const message of this.#retained.values()) this.publish(message);
        this.#log.info({ broker: this.url }, 'connected to the broker');
        this.#handlers.onUp();
      },
      onDown: (reason: string, waitMs: number) => {
        this.#log.warn({ broker: this.url, reason, waitMs }, 'no connection to the broker; trying again');
        this.#handlers.onDown(reason, waitMs);
      },
    };
  }

  #poolHandlers(): LinkHandlers {
    return {
      onMessage: (message: Inbound) => {
        this.#receive(message);
      },
      onUp: () => {
        this.#log.info({ pools: this.#options.pools }, 'sharing requests of the pools');
      },
      onDown: (reason: string, waitMs: number) => {
        this.#log.warn({ reason, waitMs }, 'no connection for the pools; trying again');
      },
    };
  }

  #receive(message: Inbound): void {
    if (this.#notices.includes(message.topic)) {
      this.#handlers.onNotice?.(message.topic, message.payload);
      return;
    }
    this.#counts.received += 1;
    if (message.topic === this.topics.update) {
      // One that is retained would be done again at every reconnection.
      if (message.retain) this.#counts.retained += 1;
      else this.#handlers.onUpdate?.(message.payload);
      return;
    }
    const decoded = this.#decode(message);
    switch (decoded.kind) {
      case 'request':
        this.#handlers.onRequest(decoded.request);
        return;
      case 'refused':
        this.#counts.refused += 1;
        for (const answer of decoded.messages) this.publish(answer);
        this.#handlers.onRefused(decoded.dialect, decoded.code);
        return;
      case 'ignored':
        this.#counts[decoded.reason === 'retained' ? 'retained' : 'otherSite'] += 1;
    }
  }

  #decode(message: Inbound): Decoded {
    if (message.retain) return { kind: 'ignored', reason: 'retained' };
    if (message.topic === hermesTopics.query) return decodeHermes(message, this.#options.hermes);
    const group = this.#options.pools.find((name) => this.topics.poolRequest(name) === message.topic);
    return decodeNative(message, {
      device: this.#options.device,
      responseTopic: group === undefined ? this.topics.response : this.topics.poolResponse(group),
      allowed: this.#allowed,
    });
  }

  #remember(topic: string, payload: string): Outbound {
    const message: Outbound = { topic, payload, qos: 1, retain: true };
    this.#retained.set(topic, message);
    return message;
  }

  #publishRetained(topic: string, payload: string): void {
    const message = this.#remember(topic, payload);
    if (this.up) this.publish(message);
  }
}
