import type { Aedes, AedesPublishPacket } from 'aedes';
import type { Logger } from '../base/index.js';
import type { Link, LinkHandlers } from './link.js';
import { Outbox, type Parcel } from './outbox.js';

export interface EmbeddedLinkOptions {
  /** Topics to hear. */
  readonly subscriptions: readonly string[];
  /** Messages that may wait while subscribers do not read. */
  readonly outboxLimit: number;
}

/** Messages that the broker may hold for subscribers at once: half of what it handles side by side. */
const window = 500;

/** The embedded broker, without a connection: messages are handed over inside the process. */
export class EmbeddedLink implements Link {
  readonly outbox: Outbox;
  readonly #aedes: Aedes;
  readonly #options: EmbeddedLinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #log: Logger;
  #up = false;
  #underway = 0;
  #pumping = false;

  constructor(aedes: Aedes, options: EmbeddedLinkOptions, handlers: LinkHandlers, log: Logger) {
    this.#aedes = aedes;
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
    this.outbox = new Outbox(options.outboxLimit);
  }

  get up(): boolean {
    return this.#up;
  }

  start(): void {
    for (const topic of this.#options.subscriptions) {
      this.#aedes.subscribe(topic, this.#take, () => undefined);
    }
    this.#up = true;
    this.#handlers.onUp();
    this.#pump();
  }

  publish(parcel: Parcel): void {
    this.outbox.add(parcel);
    this.#pump();
  }

  async unsubscribe(): Promise<void> {
    await Promise.all(
      this.#options.subscriptions.map(
        (topic) =>
          new Promise<void>((resolve) => {
            this.#aedes.unsubscribe(topic, this.#take, resolve);
          }),
      ),
    );
  }

  async stop(withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    while (this.#underway + this.outbox.size > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#up = false;
  }

  readonly #take = (packet: AedesPublishPacket, done: () => void): void => {
    const { topic, payload, qos } = packet;
    // MQTT 3.1.1, 3.3.1.3: to a subscription that is there already, a message is not a retained one.
    this.#handlers.onMessage({ topic, payload: payload as Buffer, qos, retain: false });
    done();
  };

  #pump(): void {
    // A message without subscribers is done before `publish` returns.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#up && this.#underway < window) {
      const parcel = this.outbox.take(true);
      if (parcel === undefined) break;
      this.#send(parcel);
    }
    this.#pumping = false;
  }

  #send({ message, delivered }: Parcel): void {
    const { topic, payload, qos, retain = false } = message;
    this.#underway += 1;
    this.#aedes.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup: false },
      (error) => {
        this.#underway -= 1;
        if (error) this.#log.warn({ topic, reason: error.message }, 'the broker refused a message');
        delivered?.();
        this.#pump();
      },
    );
  }
}
