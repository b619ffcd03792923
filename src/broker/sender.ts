import type { MqttClient } from 'mqtt';
import type { Logger } from '../base/index.js';
import { Outbox, type Parcel } from './outbox.js';

const maxUnsentBytes = 4 * 1024 * 1024;

/** Sends over whichever connection there is; keeps, bounded, what waits for one and what no broker took yet. */
export class Sender {
  readonly outbox: Outbox;
  readonly #log: Logger;
  readonly #underway = new Set<Parcel>();
  #client: MqttClient | undefined;
  #window = 0;
  #withProperties = false;
  #blocked = false;

  /** @param outboxLimit messages that may wait while the broker is away */
  constructor(outboxLimit: number, log: Logger) {
    this.outbox = new Outbox(outboxLimit);
    this.#log = log;
  }

  /** Whether everything was handed over. */
  get isEmpty(): boolean {
    return this.#underway.size === 0 && this.outbox.size === 0;
  }

  add(parcel: Parcel): void {
    this.outbox.add(parcel);
    this.#pump();
  }

  /**
   * Sends over this connection from now on.
   *
   * @param window the broker's Receive Maximum
   */
  open(client: MqttClient, { window, version }: { readonly window: number; readonly version: 4 | 5 }): void {
    this.#client = client;
    this.#window = window;
    this.#withProperties = version === 5;
    this.#pump();
  }

  /** The connection is gone: what the broker did not take is sent again over the next one. */
  close(): void {
    this.#client = undefined;
    this.#blocked = false;
    // Retained messages are the room's state: they are said anew when the connection is back.
    this.outbox.putBack([...this.#underway].filter((parcel) => parcel.message.retain !== true));
    this.#underway.clear();
  }

  /** Sends what waits, never more unacknowledged QoS 1 messages than the broker's Receive Maximum. */
  #pump(): void {
    const client = this.#client;
    while (client !== undefined && client === this.#client) {
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
    const { topic, payload, qos, retain = false, correlationData } = parcel.message;
    const properties =
      this.#withProperties && correlationData !== undefined ? { properties: { correlationData } } : {};
    if (qos === 1) this.#underway.add(parcel);
    gather(client);
    client.publish(topic, payload, { qos, retain, ...properties }, (error) => {
      const lost = error instanceof Error && !this.#refusedForGood(error, topic);
      if (qos === 1 && (lost || !this.#underway.delete(parcel))) return;
      if (!lost) parcel.delivered?.();
      this.#pump();
    });
  }

  #resumeWhenDrained(client: MqttClient): void {
    if (this.#blocked) return;
    this.#blocked = true;
    client.stream.once('drain', () => {
      if (client !== this.#client) return;
      this.#blocked = false;
      this.#pump();
    });
  }

  /** A PUBACK that says no will say no again: the message is given up, and said so. */
  #refusedForGood(error: unknown, topic: string): boolean {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'number' || code < 128) return false;
    this.#log.warn({ topic, code }, 'the broker refused a message');
    return true;
  }
}

/** Lets the messages of this turn go out in one write. */
function gather({ stream }: MqttClient): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  process.nextTick(() => {
    stream.uncork();
  });
}
