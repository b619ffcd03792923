/** What the queue needs to know of what waits in it. */
export interface Waiting {
  /** Who asked: senders take turns. */
  readonly sender: string;
  /** What may run together in one batch. */
  readonly group: string;
  /** Milliseconds of the monotonic clock at which it must be answered. */
  readonly deadline: number;
}

/** What became of an offer; `evicted` had to leave for it. */
export type Offer<T> = { readonly taken: true; readonly evicted?: T } | { readonly taken: false };

/**
 * A bounded queue that is fair between senders: they take turns, and when it is full, whoever has the
 * most waiting gives way to a sender with less.
 */
export class FairQueue<T extends Waiting> {
  readonly #limit: number;
  readonly #bySender = new Map<string, T[]>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  offer(item: T): Offer<T> {
    if (this.#size < this.#limit) {
      this.#add(item);
      return { taken: true };
    }
    const mine = this.#bySender.get(item.sender)?.length ?? 0;
    const [greediest, theirs] = this.#longest();
    if (theirs.length <= mine + 1) return { taken: false };
    const evicted = theirs.at(-1)!;
    this.#remove(greediest, theirs.length - 1);
    this.#add(item);
    return { taken: true, evicted };
  }

  /** The oldest item of the sender whose turn it is, and up to `most` − 1 more of its group. */
  take(most: number): T[] {
    const first = this.#takeTurn(() => true);
    if (first === undefined) return [];
    const batch = [first];
    while (batch.length < most) {
      const next = this.#takeTurn((item) => item.group === first.group);
      if (next === undefined) break;
      batch.push(next);
    }
    return batch;
  }

  /** Removes what must be answered by `now`. */
  expire(now: number): T[] {
    return this.withdraw((item) => item.deadline <= now);
  }

  /** Removes everything. */
  clear(): T[] {
    return this.withdraw(() => true);
  }

  /** Removes what the condition holds for. */
  withdraw(leaves: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (const [sender, items] of this.#bySender) {
      const stay = items.filter((item) => !leaves(item));
      if (stay.length === items.length) continue;
      removed.push(...items.filter(leaves));
      if (stay.length === 0) this.#bySender.delete(sender);
      else this.#bySender.set(sender, stay);
    }
    this.#size -= removed.length;
    return removed;
  }

  #takeTurn(fits: (item: T) => boolean): T | undefined {
    for (const [sender, items] of this.#bySender) {
      const at = items.findIndex(fits);
      if (at < 0) continue;
      const item = items[at];
      // To the end of the turn order.
      this.#bySender.delete(sender);
      this.#bySender.set(sender, items);
      this.#remove(sender, at);
      return item;
    }
    return undefined;
  }

  #longest(): readonly [string, T[]] {
    let longest: readonly [string, T[]] = ['', []];
    for (const entry of this.#bySender) if (entry[1].length > longest[1].length) longest = entry;
    return longest;
  }

  #add(item: T): void {
    const items = this.#bySender.get(item.sender);
    if (items === undefined) this.#bySender.set(item.sender, [item]);
    else items.push(item);
    this.#size += 1;
  }

  #remove(sender: string, at: number): void {
    const items = this.#bySender.get(sender)!;
    items.splice(at, 1);
    if (items.length === 0) this.#bySender.delete(sender);
    this.#size -= 1;
  }
}
