import { setTimeout as sleep } from 'node:timers/promises';
import { MqttClient, type IConnackPacket } from 'mqtt';
import { messageOf, type Logger } from '../base/index.js';
import { Backoff } from './backoff.js';
import { openSocket, type Endpoint } from './endpoint.js';
import type { Link, LinkHandlers } from './link.js';
import type { Outbox, Parcel } from './outbox.js';
import {
  clientOptions,
  disconnectReason,
  inboundOf,
  isVersionRefused,
  subscribe,
  type Introduction,
} from './packets.js';
import { Sender } from './sender.js';

export type ProtocolChoice = 'auto' | '5' | '3.1.1';

export interface ConnectionOptions extends Introduction {
  readonly endpoint: Endpoint;
  readonly protocol: ProtocolChoice;
  /** Topic filters, each at QoS 1. */
  readonly subscriptions: readonly string[];
  /** Messages that may wait while the broker is away. */
  readonly outboxLimit: number;
}

/** MQTT 5, 3.2.2.3.3: where the broker does not say. */
const defaultReceiveMaximum = 65_535;
const pollMs = 5;

/** One connection to a broker that comes back by itself, with full jitter between 1 and 60 s. */
export class Connection implements Link {
  readonly #options: ConnectionOptions;
  readonly #handlers: LinkHandlers;
  readonly #log: Logger;
  readonly #backoff = new Backoff();
  readonly #sender: Sender;
  #client: MqttClient | undefined;
  #up = false;
  #stopped = false;
  #version: 4 | 5;
  #retry: NodeJS.Timeout | undefined;
  #reason = '';

  constructor(options: ConnectionOptions, handlers: LinkHandlers, log: Logger) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
    this.#version = options.protocol === '3.1.1' ? 4 : 5;
    this.#sender = new Sender(options.outboxLimit, log);
  }

  get up(): boolean {
    return this.#up;
  }

  get outbox(): Outbox {
    return this.#sender.outbox;
  }

  start(): void {
    this.#stopped = false;
    this.#connect();
  }

  publish(parcel: Parcel): void {
    this.#sender.add(parcel);
  }

  async stop(withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    while (this.#up && !this.#sender.isEmpty && performance.now() < until) await sleep(pollMs);
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
    const client = new MqttClient(() => this.#openStream(), clientOptions(this.#options, this.#version));
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

  async #connected(client: MqttClient, connack: IConnackPacket): Promise<void> {
    try {
      await subscribe(client, this.#options.subscriptions);
    } catch (error) {
      this.#noteFailure(error);
      client.end(true);
      return;
    }
    this.#backoff.reset();
    this.#up = true;
    const window = connack.properties?.receiveMaximum ?? defaultReceiveMaximum;
    this.#sender.open(client, { window, version: this.#version });
    this.#handlers.onUp();
  }

  #noteFailure(error: unknown): void {
    this.#reason = messageOf(error);
    if (this.#options.protocol === 'auto' && this.#version === 5 && isVersionRefused(error)) {
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
    this.#sender.close();
    if (this.#stopped) return;
    const waitMs = this.#backoff.next();
    this.#handlers.onDown(this.#reason, waitMs);
    this.#retry = setTimeout(() => {
      this.#connect();
    }, waitMs);
  }
}
