import type { DeliveryStore } from './deliveryStore.js';

const everyMs = 200;
const giveUpEveryMs = 3600_000;
/** Groups that are deleted at once, so that answers wait little for it. */
const mostAtOnce = 500;
/** Groups that expire within so long of each other are told apart no further. */
const resolutionMs = 1000;

/** Deletes what `delivery.db` need not keep any more, a little at a time. Groups expire in their order. */
export class Pruning {
  readonly #outboxMs: number;
  /** Up to which group, and from when on, it may be deleted; oldest first. */
  readonly #ends: { last: number; expires: number }[] = [];
  #first = Infinity;
  #last = 0;
  #prunedAt = 0;
  #gaveUpAt = 0;

  /** @param outboxMs how long an expired answer is kept that the broker never took */
  constructor(outboxMs: number) {
    this.#outboxMs = outboxMs;
  }

  /** Notes a new group. */
  noteGroup(id: number, expires: number): void {
    this.#first = Math.min(this.#first, id);
    const end = this.#ends.at(-1);
    if (end !== undefined && expires <= end.expires) end.last = id;
    else this.#ends.push({ last: id, expires: expires + resolutionMs });
  }

  /** Notes that the broker has groups, which may have been passed over before. */
  noteDelivered(ids: readonly number[]): void {
    for (const id of ids) if (id < this.#first) this.#first = id;
  }

  /** Deletes some of what expired by `now`, if that was not done just now. */
  prune(store: DeliveryStore, now: number): void {
    if (Math.abs(now - this.#prunedAt) < everyMs) return;
    this.#prunedAt = now;
    while (this.#ends.length > 0 && this.#ends[0]!.expires <= now) this.#last = this.#ends.shift()!.last;
    if (this.#first <= this.#last) {
      const last = Math.min(this.#last, this.#first + mostAtOnce - 1);
      store.prune(this.#first, last);
      this.#first = last + 1;
    }
    if (Math.abs(now - this.#gaveUpAt) < giveUpEveryMs) return;
    if (this.#gaveUpAt > 0) store.giveUp(now - this.#outboxMs);
    this.#gaveUpAt = now;
  }
}
