import {
  ErrorWithSubackPacket,
  MqttClient,
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
} from 'mqtt';
import { messageOf, type Logger } from '../base/index.js';
import { Backoff } from './backoff.js';
import { openSocket, type Endpoint } from './endpoint.js';
import type { Link, LinkHandlers } from './link.js';
import type { Inbound, Outbound } from './message.js';
import { Outbox, type Parcel } from './outbox.js';

export type ProtocolChoice = 'auto' | '5' | '3.1.1';

export interface ConnectionOptions {
  readonly endpoint: Endpoint;
  readonly clientId: string;
  readonly protocol: ProtocolChoice;
  readonly keepaliveSeconds: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Published by the broker when this client is gone without a word. */
  readonly will?: Outbound;
  /** Whether the broker keeps the session, and messages for it, while the client is away. */
  readonly persistent: boolean;
  /** Topic filters, each at QoS 1. */
  readonly subscriptions: readonly string[];
  /** Messages that may wait while the broker is away. */
  readonly outboxLimit: number;
}

const maxUnsentBytes = 4 * 1024 * 1024;

/** One connection to a broker that comes back by itself, with full jitter between 1 and 60 s. */
export class Connection implements Link {
  readonly outbox: Outbox;
  readonly #options: ConnectionOptions;
  readonly #handlers: LinkHandlers;
  readonly #log: Logger;
  readonly #backoff = new Backoff();
  readonly #underway = new Set<Parcel>();
  #client: MqttClient | undefined;
  #up = false;
  #stopped = false;
  #version: 4 | 5;
  #window = 65_535;
  #retry: NodeJS.Timeout | undefined;
  #reason = '';
  #blocked = false;

  constructor(options: ConnectionOptions, handlers: LinkHandlers, log: Logger) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
    this.#version = options.protocol === '3.1.1' ? 4 : 5;
    this.outbox = new Outbox(options.outboxLimit);
  }

  get up(): boolean {
    return this.#up;
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  publish(parcel: Parcel): void {
    this.outbox.add(parcel);
    this.#pump();
  }

  async stop(withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    while (this.#up && (this.#underway.size > 0 || this.outbox.size > 0) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#stopped = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    if (client === undefined) return;
    const left = Math.max(100, until - performance.now());
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        client.end(true);
        resolve();
      }, left);
      client.end(!this.#up, () => {
        clearTimeout(force);
        resolve();
      });
    });
  }

  async unsubscribe(): Promise<void> {
    if (this.#client === undefined || !this.#up || this.#options.subscriptions.length === 0) return;
    await this.#client.unsubscribeAsync([...this.#options.subscriptions]);
  }

  #connect(): void {
    this.#reason = 'the broker closed the connection';
    const client = new MqttClient(() => this.#openStream(), this.#clientOptions());
    this.#client = client;
    client.on('connect', (connack) => {
      void this.#connected(client, connack);
    });
    client.on('message', (topic, payload, packet) => {
      this.#handlers.onMessage(inboundOf(topic, payload, packet));
    });
    client.on('error', (error) => {
      this.#noteFailure(error);
    });
    client.on('disconnect', (packet) => {
      this.#reason = disconnectReason(packet.reasonCode);
    });
    client.on('close', () => {
      if (client === this.#client) this.#closed(client);
    });
    client.connect();
  }

  #openStream() {
    const socket = openSocket(this.#options.endpoint);
    socket.on('error', (error) => {
      this.#reason = messageOf(error);
    });
    return socket;
  }

  #clientOptions(): IClientOptions {
    const { clientId, username, password, will, persistent, keepaliveSeconds } = this.#options;
    const five = this.#version === 5;
    return {
      clientId,
      protocolId: 'MQTT',
      protocolVersion: this.#version,
      clean: !persistent,
      keepalive: keepaliveSeconds,
      connectTimeout: 10_000,
      reconnectPeriod: 0,
      manualConnect: true,
      resubscribe: false,
      queueQoSZero: false,
      ...(five && persistent ? { properties: { sessionExpiryInterval: 3600 } } : {}),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(will === undefined
        ? {}
        : {
            will: {
              topic: will.topic,
              payload: Buffer.from(will.payload),
              qos: will.qos,
              retain: will.retain === true,
            },
          }),
    };
  }

  async #connected(client: MqttClient, connack: IConnackPacket): Promise<void> {
    this.#window = connack.properties?.receiveMaximum ?? 65_535;
    try {
      await subscribe(client, [...this.#options.subscriptions]);
    } catch (error) {
      this.#noteFailure(error);
      client.end(true);
      return;
    }
    this.#backoff.reset();
    this.#up = true;
    this.#handlers.onUp();
    this.#pump();
  }

  #noteFailure(error: unknown): void {
    this.#reason = messageOf(error);
    const code = (error as { code?: unknown }).code;
    // 3.1.1 says 1, and 5 says 132, for a protocol version that the broker does not speak.
    if (this.#options.protocol === 'auto' && this.#version === 5 && (code === 1 || code === 132)) {
      this.#version = 4;
      this.#log.info({}, 'the broker does not speak MQTT 5; using MQTT 3.1.1');
    }
  }

  #closed(client: MqttClient): void {
    client.removeAllListeners();
    client.on('error', (error) => {
      this.#log.debug({ reason: messageOf(error) }, 'a closed connection failed once more');
    });
    this.#client = undefined;
    this.#up = false;
    this.#blocked = false;
    // Retained messages are the room's state: they are said anew when the connection is back.
    this.outbox.putBack([...this.#underway].filter((parcel) => parcel.message.retain !== true));
    this.#underway.clear();
    if (this.#stopped) return;
    const waitMs = this.#backoff.next();
    this.#handlers.onDown(this.#reason, waitMs);
    this.#retry = setTimeout(() => {
      this.#connect();
    }, waitMs);
  }

  /** Sends what waits, never more unacknowledged QoS 1 messages than the broker's Receive Maximum. */
  #pump(): void {
    const client = this.#client;
    while (this.#up && client !== undefined) {
      if (client.stream.writableLength > maxUnsentBytes) {
        // The broker reads slower than we answer: what comes now waits in the outbox, which is bounded.
        this.#resumeWhenDrained(client);
        return;
      }
      const parcel = this.outbox.take(this.#underway.size < this.#window);
      if (parcel === undefined) return;
      this.#send(client, parcel);
    }
  }

  #send(client: MqttClient, parcel: Parcel): void {
    const { topic, payload, qos, retain, correlationData } = parcel.message;
    const properties =
      this.#version === 5 && correlationData !== undefined ? { properties: { correlationData } } : {};
    if (qos === 1) this.#underway.add(parcel);
    this.#gather(client);
    client.publish(topic, payload, { qos, retain: retain === true, ...properties }, (error) => {
      const lost = error instanceof Error && !this.#refusedForGood(error, topic);
      if (qos === 1 && (lost || !this.#underway.delete(parcel))) return;
      if (!lost) parcel.delivered?.();
      this.#pump();
    });
  }

  #resumeWhenDrained(client: MqttClient): void {
    if (this.#blocked) return;
    this.#blocked = true;
    const resume = (): void => {
      this.#blocked = false;
      this.#pump();
    };
    client.stream.once('drain', resume);
  }

  /** Lets the messages of this turn go out in one write. */
  #gather(client: MqttClient): void {
    const { stream } = client;
    if (stream.writableCorked > 0) return;
    stream.cork();
    process.nextTick(() => {
      stream.uncork();
    });
  }

  /** A PUBACK that says no will say no again: the message is given up, and said so. */
  #refusedForGood(error: unknown, topic: string): boolean {
    const code = (error as { code?: unknown }).code;
    if (typeof code !== 'number' || code < 128) return false;
    this.#log.warn({ topic, code }, 'the broker refused a message');
    return true;
  }
}

/** Subscribes at QoS 1; where the broker denies a topic, the error says which. */
async function subscribe(client: MqttClient, topics: string[]): Promise<void> {
  if (topics.length === 0) return;
  try {
    await client.subscribeAsync(topics, { qos: 1 });
  } catch (error) {
    const granted = error instanceof ErrorWithSubackPacket ? error.packet.granted : [];
    const denied = topics.filter((_topic, at) => Number(granted[at]) >= 128);
    if (denied.length === 0) throw error;
    throw new Error(`the broker denied the subscription to ${denied.join(', ')}: allow it there`, {
      cause: error,
    });
  }
}

function inboundOf(topic: string, payload: Buffer, packet: IPublishPacket): Inbound {
  const { responseTopic, correlationData, messageExpiryInterval } = packet.properties ?? {};
  return {
    topic,
    payload,
    qos: packet.qos,
    retain: packet.retain,
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(messageExpiryInterval === undefined ? {} : { expirySeconds: messageExpiryInterval }),
  };
}

function disconnectReason(code: number | undefined): string {
  // MQTT 5, 3.14.2.1: session taken over.
  if (code === 0x8e) return 'another client took over the session: is there a second device of this id?';
  return `the broker disconnected with reason ${code ?? 0}`;
}
