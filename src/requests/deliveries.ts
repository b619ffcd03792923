import { randomUUID } from 'node:crypto';
import { messageOf, type Clock, type Logger } from '../base/index.js';
import type { AnswerMessage, Delivery, DeliveryStore } from './deliveryStore.js';

export interface DeliveriesOptions {
  /** How long a repeat of a request gets the same answer, in milliseconds; 0: never. */
  readonly repeatMs: number;
  /** How long an answer that the broker never took is kept, in milliseconds. */
  readonly outboxMs: number;
}

export type Publish = (message: AnswerMessage, delivered?: () => void) => void;

/** How a request stands: new, being answered, or answered before with these messages. */
export type Standing = 'new' | 'underway' | readonly AnswerMessage[];

const pruneMs = 200;
const maxRefusals = 10_000;

/**
 * Sees to it that a request is answered once and a reliable answer arrives: repeats get the same answer
 * again, QoS 1 answers are written before they are published, both across a restart of the daemon.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #publish: Publish;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #underway = new Set<string>();
  /** Written with the next commit, which comes at the end of this turn of the event loop. */
  readonly #uncommitted = new Map<string, Delivery>();
  readonly #delivered: string[] = [];
  /** Refusals, oldest first: they cost no inference, and need not outlive the process. */
  readonly #refusals = new Map<string, Pick<Delivery, 'messages' | 'expires'>>();
  #store: DeliveryStore | undefined;
  #scheduled = false;
  #lastPrune = 0;
  #failures = 0;

  /** @param store absent where it could not be opened: then repeats are only known while under way */
  constructor(
    options: DeliveriesOptions,
    store: DeliveryStore | undefined,
    publish: Publish,
    clock: Clock,
    log: Logger,
  ) {
    this.#options = options;
    this.#store = store;
    this.#publish = publish;
    this.#clock = clock;
    this.#log = log;
  }

  /** Commits that failed since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Publishes what the broker had not taken when the last process ended; answers how many. */
  recover(): number {
    const left = this.#guarded(() => this.#store?.undelivered()) ?? [];
    for (const delivery of left) this.#send(delivery);
    return left.length;
  }

  /** Begins a request; `key` tells repeats of it, and is absent where nothing does. */
  begin(key: string | undefined): Standing {
    if (key === undefined || this.#options.repeatMs === 0) return 'new';
    if (this.#underway.has(key)) return 'underway';
    const answered =
      this.#uncommitted.get(key)?.messages ??
      this.#refusedBefore(key) ??
      this.#guarded(() => this.#store?.find(key, this.#clock.wall()));
    if (answered !== undefined) return answered;
    this.#underway.add(key);
    return 'new';
  }

  /** Ends a request with its answer: publishes it, QoS 1 after it was written. */
  answer(key: string | undefined, messages: readonly AnswerMessage[]): void {
    if (key !== undefined) this.#underway.delete(key);
    const reliable = messages.some((message) => message.qos === 1);
    if (!reliable && key === undefined) {
      for (const message of messages) this.#publish(message);
      return;
    }
    const delivery: Delivery = {
      key: key ?? randomUUID(),
      messages,
      expires: this.#clock.wall() + (key === undefined ? 0 : this.#options.repeatMs),
      undelivered: reliable,
    };
    this.#uncommitted.set(delivery.key, delivery);
    if (!reliable) this.#send(delivery);
    this.#schedule();
  }

  /** Ends a request with a refusal: publishes it at once, and remembers it for a while. */
  refuse(key: string | undefined, messages: readonly AnswerMessage[]): void {
    if (key !== undefined) {
      this.#underway.delete(key);
      this.#refusals.set(key, { messages, expires: this.#clock.wall() + this.#options.repeatMs });
      if (this.#refusals.size > maxRefusals) this.#refusals.delete(this.#refusals.keys().next().value!);
    }
    for (const message of messages) this.#publish(message);
  }

  /** Writes what is not written yet. */
  flush(): void {
    this.#commit();
  }

  close(): void {
    this.#commit();
    this.#store?.close();
    this.#store = undefined;
  }

  #refusedBefore(key: string): readonly AnswerMessage[] | undefined {
    const refusal = this.#refusals.get(key);
    return refusal !== undefined && refusal.expires > this.#clock.wall() ? refusal.messages : undefined;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    const deliveries = [...this.#uncommitted.values()];
    const delivered = this.#delivered.splice(0);
    this.#uncommitted.clear();
    if (deliveries.length > 0 || delivered.length > 0) {
      this.#guarded(() => this.#store?.commit(deliveries, delivered));
    }
    for (const delivery of deliveries) if (delivery.undelivered) this.#send(delivery);
    this.#pruneNowAndThen();
  }

  #send(delivery: Delivery): void {
    let waiting = delivery.messages.length;
    for (const message of delivery.messages) {
      if (!delivery.undelivered) {
        this.#publish(message);
        continue;
      }
      this.#publish(message, () => {
        waiting -= 1;
        if (waiting > 0) return;
        this.#delivered.push(delivery.key);
        this.#noteLater();
      });
    }
  }

  /** Deliveries are noted with the next answers, or after a while: repeating one does no harm. */
  #noteLater(): void {
    if (this.#delivered.length === 1) {
      setTimeout(() => {
        this.#schedule();
      }, 100).unref();
    }
  }

  #pruneNowAndThen(): void {
    const now = this.#clock.wall();
    if (Math.abs(now - this.#lastPrune) < pruneMs) return;
    this.#lastPrune = now;
    this.#guarded(() => this.#store?.prune(now, this.#options.outboxMs));
  }

  /** A broken database costs the memory of deliveries, never the service. */
  #guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1 || this.#failures % 1000 === 0) {
        this.#log.error({ reason: messageOf(error), failures: this.#failures }, 'delivery.db failed');
      }
      return undefined;
    }
  }
}
