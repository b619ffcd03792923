import { isBrokenDatabase, messageOf, type Logger } from '../base/index.js';
import type { DeliveryGroup, DeliveryStore } from './deliveryStore.js';

const loggedEvery = 1000;

/**
 * `delivery.db` as the service uses it: one that fails costs the memory of deliveries, never an answer, and
 * one that is damaged or deleted is begun anew.
 */
export class SafeStore {
  #store: DeliveryStore | undefined;
  readonly #log: Logger;
  #failures = 0;

  /** @param store absent where it could not be opened */
  constructor(store: DeliveryStore | undefined, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Times that the database failed since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** What a piece of work gives, or `undefined` where the database fails or is not there. */
  use<T>(work: (store: DeliveryStore) => T): T | undefined {
    if (this.#store === undefined) return undefined;
    try {
      return work(this.#store);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  /** Commits, in a new database where the old one is deleted or turns out to be damaged. */
  commit(groups: readonly DeliveryGroup[], delivered: readonly number[]): void {
    if (this.#store?.isThere === false) this.#beginAnew();
    const before = this.#store;
    this.use((store) => {
      store.commit(groups, delivered);
    });
    if (this.#store === before) return;
    this.use((store) => {
      store.commit(groups, delivered);
    });
  }

  close(): void {
    this.#store?.close();
    this.#store = undefined;
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures === 1 || this.#failures % loggedEvery === 0) {
      this.#log.error({ reason: messageOf(error), failures: this.#failures }, 'delivery.db failed');
    }
    if (isBrokenDatabase(error)) this.#beginAnew();
  }

  #beginAnew(): void {
    try {
      this.#store = this.#store?.beginAnew();
      this.#log.warn({}, 'delivery.db was of no use; a new one is begun, and earlier answers are forgotten');
    } catch (error) {
      this.#store = undefined;
      this.#log.error({ reason: messageOf(error) }, 'delivery.db cannot be begun anew');
    }
  }
}
