import type { Logger } from '../base/index.js';
import { Connection, type ConnectionOptions, type ProtocolChoice } from './connection.js';
import { EmbeddedBroker } from './embedded.js';
import type { Endpoint } from './endpoint.js';
import { decodeHermes } from './hermes.js';
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
}

export interface BrokerHandlers {
  onRequest(request: Request): void;
  /** A message that was answered with a refusal, because it breaks the protocol. */
  onRefused(dialect: Dialect, code: string): void;
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
  readonly #retained = new Map<string, Outbound>();
  readonly #counts = { received: 0, refused: 0, retained: 0, otherSite: 0 };
  #embedded: EmbeddedBroker | undefined;
  #connection: Connection | undefined;
  #pools: Connection | undefined;

  constructor(options: BrokerOptions, handlers: BrokerHandlers, log: Logger) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
    this.topics = new Topics(options.prefix, options.device);
    this.#allowed = new ResponseTopicRule(options.responseTopics, [
      `${options.prefix}/+/request`,
      `${options.prefix}/pool/+/request`,
      `${options.prefix}/+/update`,
      hermesTopics.query,
    ]);
    this.#remember(this.topics.state, 'online');
  }

  get up(): boolean {
    return this.#connection?.up === true;
  }

  get counters(): BrokerCounters {
    const outbox = this.#connection?.outbox;
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
    if (this.#options.endpoint === undefined) {
      this.#embedded = new EmbeddedBroker(this.#options.embeddedPort);
      await this.#embedded.start();
    }
    this.#connection = new Connection(this.#mainOptions(), this.#mainHandlers(), this.#log);
    this.#connection.start();
    if (this.#options.pools.length > 0) {
      this.#pools = new Connection(this.#poolOptions(), this.#poolHandlers(), this.#log);
      this.#pools.start();
    }
  }

  /** Publishes one message; it waits, bounded, while the broker is away. */
  publish(message: Outbound, delivered?: () => void): void {
    this.#connection?.publish({ message, ...(delivered === undefined ? {} : { delivered }) });
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

  /** Publishes figures to whoever listens right now; they are not kept while the broker is away. */
  publishMetrics(metrics: object): void {
    if (!this.up) return;
    this.publish({ topic: this.topics.metrics, payload: JSON.stringify(metrics), qos: 0 });
  }

  /** Stops to take requests; answers still go out. */
  async stopTaking(): Promise<void> {
    await Promise.all([this.#connection?.unsubscribe(), this.#pools?.stop(500)]);
  }

  /** Sends what waits, at most `withinMs`, says `offline`, and disconnects. */
  async stop(withinMs: number): Promise<void> {
    this.setState('offline');
    await Promise.all([this.#connection?.stop(withinMs), this.#pools?.stop(withinMs)]);
    await this.#embedded?.stop();
  }

  #endpoint(): Endpoint {
    const port = this.#embedded?.port ?? this.#options.embeddedPort;
    return this.#options.endpoint ?? { host: '127.0.0.1', port };
  }

  #mainOptions(): ConnectionOptions {
    const { device, hermes } = this.#options;
    return {
      ...this.#commonOptions(),
      clientId: device,
      persistent: this.#embedded === undefined,
      will: { topic: this.topics.state, payload: 'offline', qos: 1, retain: true },
      subscriptions: [this.topics.request, ...(hermes.enabled ? [hermesTopics.query] : [])],
    };
  }

  #poolOptions(): ConnectionOptions {
    const { device, pools } = this.#options;
    return {
      ...this.#commonOptions(),
      clientId: `${device}-pool`,
      persistent: false,
      subscriptions: pools.map((group) => this.topics.poolSubscription(group)),
    };
  }

  #commonOptions() {
    const { protocol, keepaliveSeconds, username, password } = this.#options;
    return {
      endpoint: this.#endpoint(),
      protocol: this.#embedded === undefined ? protocol : ('3.1.1' as const),
      keepaliveSeconds,
      username,
      password,
      outboxLimit,
    };
  }

  #mainHandlers() {
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

  #poolHandlers() {
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
    this.#counts.received += 1;
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
