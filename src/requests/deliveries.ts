import type { Clock, Logger } from '../base/index.js';
import type { AnswerMessage, Delivery, DeliveryGroup, DeliveryStore } from './deliveryStore.js';
import { Pruning } from './pruning.js';
import { RecentKeys } from './recentKeys.js';
import { SafeStore } from './safeStore.js';

export interface DeliveriesOptions {
  /** How long a repeat of a request gets the same answer, in milliseconds; 0: never. */
  readonly repeatMs: number;
  /** How long an answer that the broker never took is kept, in milliseconds. */
  readonly outboxMs: number;
}

export type Publish = (message: AnswerMessage, delivered?: () => void) => void;

/** How a request stands: new, being answered, or answered before with these messages. */
export type Standing = 'new' | 'underway' | readonly AnswerMessage[];

/** Within it QoS 0 answers are written, for repeats of their requests. */
const commitMs = 10;
const maxRefusals = 10_000;
const maxKeys = 200_000;
const maxPartly = 1000;

/**
 * Sees to it that a request is answered once and a reliable answer arrives: repeats get the same answer
 * again, QoS 1 answers are written before they are published, both across a restart of the daemon.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #publish: Publish;
  readonly #clock: Clock;
  readonly #underway = new Set<string>();
  readonly #answered: RecentKeys<number>;
  readonly #pruning: Pruning;
  /** Written with the next commit, as the group of this number. */
  #uncommitted: Delivery[] = [];
  #group = 1;
  /** Groups that the broker has, which is written with the next commit. */
  #delivered: number[] = [];
  /** Groups of which the broker has the answers of these places, and not all. */
  readonly #partly = new Map<number, Set<number>>();
  /** What the last process left to be published. */
  #left: DeliveryGroup[] = [];
  /** Refusals cost no inference, and need not outlive the process. */
  readonly #refused: RecentKeys<{ readonly messages: readonly AnswerMessage[]; readonly expires: number }>;
  readonly #store: SafeStore;
  #atEndOfTurn = false;
  #later: NodeJS.Timeout | undefined;

  /** @param store absent where it could not be opened: then repeats are only known while under way */
  constructor(
    options: DeliveriesOptions,
    store: DeliveryStore | undefined,
    publish: Publish,
    clock: Clock,
    log: Logger,
  ) {
    this.#options = options;
    this.#store = new SafeStore(store, log);
    this.#publish = publish;
    this.#clock = clock;
    this.#answered = new RecentKeys(options.repeatMs, maxKeys);
    this.#refused = new RecentKeys(options.repeatMs, maxRefusals);
    this.#pruning = new Pruning(options.outboxMs);
    this.#store.use((opened) => {
      this.#load(opened);
    });
  }

  /** Times that the database failed since the start. */
  get failures(): number {
    return this.#store.failures;
  }

  /** Publishes what the broker had not taken when the last process ended; answers how many. */
  recover(): number {
    const left = this.#left;
    this.#left = [];
    for (const group of left) this.#send(group);
    return left.reduce((sum, { deliveries }) => sum + deliveries.filter((one) => one.undelivered).length, 0);
  }

  /** Begins a request; `key` tells repeats of it, and is absent where nothing does. */
  begin(key: string | undefined): Standing {
    if (key === undefined || this.#options.repeatMs === 0) return 'new';
    if (this.#underway.has(key)) return 'underway';
    const answered = this.#answeredBefore(key) ?? this.#refusedBefore(key);
    if (answered !== undefined) return answered;
    this.#underway.add(key);
    return 'new';
  }

  /** Ends a request with its answer: publishes it, QoS 1 after it was written. */
  answer(given: string | undefined, messages: readonly AnswerMessage[]): void {
    const key = this.#options.repeatMs === 0 ? undefined : given;
    if (key !== undefined) this.#underway.delete(key);
    const undelivered = messages.some((message) => message.qos === 1);
    if (!undelivered) for (const message of messages) this.#publish(message);
    if (!undelivered && key === undefined) return;
    this.#uncommitted.push({ key, messages, undelivered });
    if (key !== undefined) this.#answered.set(key, this.#group, this.#clock.wall() + this.#options.repeatMs);
    if (undelivered) this.#commitAtEndOfTurn();
    else this.#commitWithin(commitMs);
  }

  /** Ends a request with a refusal: publishes it at once, and remembers it for a while. */
  refuse(key: string | undefined, messages: readonly AnswerMessage[]): void {
    if (key !== undefined) {
      this.#underway.delete(key);
      const expires = this.#clock.wall() + this.#options.repeatMs;
      this.#refused.set(key, { messages, expires }, expires);
    }
    for (const message of messages) this.#publish(message);
  }

  /** Writes what is not written yet. */
  flush(): void {
    this.#commit();
  }

  close(): void {
    this.#commit();
    clearTimeout(this.#later);
    this.#store.use((store) => {
      for (const [group, places] of this.#partly) store.markDelivered(group, places);
    });
    this.#store.close();
  }

  #load(store: DeliveryStore): void {
    const now = this.#clock.wall();
    for (const group of store.kept(now, this.#options.outboxMs)) {
      const { id, expires, deliveries } = group;
      for (const { key } of deliveries) if (key !== undefined) this.#answered.set(key, id, expires);
      if (deliveries.some(({ undelivered }) => undelivered)) this.#left.push(group);
      this.#pruning.noteGroup(id, expires);
      this.#group = id + 1;
    }
  }

  #answeredBefore(key: string): readonly AnswerMessage[] | undefined {
    const group = this.#answered.get(key);
    if (group === undefined) return undefined;
    if (group === this.#group) return this.#uncommitted.find((delivery) => delivery.key === key)?.messages;
    return this.#store.use((store) => store.find(group, key, this.#clock.wall()));
  }

  #refusedBefore(key: string): readonly AnswerMessage[] | undefined {
    const refusal = this.#refused.get(key);
    return refusal !== undefined && refusal.expires > this.#clock.wall() ? refusal.messages : undefined;
  }

  #commitAtEndOfTurn(): void {
    if (this.#atEndOfTurn) return;
    this.#atEndOfTurn = true;
    setImmediate(() => {
      this.#atEndOfTurn = false;
      this.#commit();
    });
  }

  #commitWithin(ms: number): void {
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#commit();
    }, ms);
  }

  #commit(): void {
    const deliveries = this.#uncommitted;
    const delivered = this.#delivered;
    if (deliveries.length + delivered.length === 0) return;
    const now = this.#clock.wall();
    const group = { id: this.#group, expires: now + this.#options.repeatMs, deliveries };
    this.#uncommitted = [];
    this.#delivered = [];
    const groups = deliveries.length === 0 ? [] : [group];
    this.#store.commit(groups, delivered);
    if (deliveries.length > 0) {
      this.#group += 1;
      this.#pruning.noteGroup(group.id, group.expires);
      this.#send(group);
    }
    this.#pruning.noteDelivered(delivered);
    this.#answered.expire(now);
    this.#refused.expire(now);
    this.#store.use((store) => {
      this.#pruning.prune(store, now);
    });
  }

  /** Publishes what of a group the broker does not have. */
  #send({ id, deliveries }: DeliveryGroup): void {
    let open = deliveries.filter(({ undelivered }) => undelivered).length;
    deliveries.forEach(({ messages, undelivered }, place) => {
      if (!undelivered) return;
      let waiting = messages.length;
      for (const message of messages) {
        this.#publish(message, () => {
          waiting -= 1;
          if (waiting > 0) return;
          open -= 1;
          if (open === 0) this.#noteDelivered(id);
          else this.#notePartly(id, place);
        });
      }
    });
  }

  /** Deliveries are written with the next answers, or after a while: to repeat one does no harm. */
  #noteDelivered(group: number): void {
    this.#partly.delete(group);
    this.#delivered.push(group);
    this.#commitWithin(10 * commitMs);
  }

  #notePartly(group: number, place: number): void {
    const places = this.#partly.get(group);
    if (places !== undefined) {
      places.add(place);
      return;
    }
    this.#partly.set(group, new Set([place]));
    if (this.#partly.size > maxPartly) this.#partly.delete(this.#partly.keys().next().value!);
  }
}
