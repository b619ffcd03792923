import type { Outbound } from './message.js';

/** A message on its way out, and whom to tell when the broker has it. */
export interface Parcel {
  readonly message: Outbound;
  /** Called once the broker has taken it (QoS 1), it was written (QoS 0), or it had to be dropped. */
  readonly delivered?: () => void;
}

/**
 * Messages that wait for the broker, bounded. When full, the oldest QoS 0 message is dropped first,
 * then the oldest at all.
 */
export class Outbox {
  readonly #limit: number;
  #waiting: Parcel[] = [];
  #dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Messages dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  add(parcel: Parcel): void {
    this.#waiting.push(parcel);
    this.#shrink();
  }

  /** Puts back what was taken and not delivered, before everything else, in its order. */
  putBack(parcels: readonly Parcel[]): void {
    this.#waiting = [...parcels, ...this.#waiting];
    this.#shrink();
  }

  /** The oldest message that may go: only QoS 0 where `reliable` is false. */
  take(reliable: boolean): Parcel | undefined {
    if (reliable) return this.#waiting.shift();
    const at = this.#waiting.findIndex((parcel) => parcel.message.qos === 0);
    return at < 0 ? undefined : this.#waiting.splice(at, 1)[0];
  }

  #shrink(): void {
    while (this.#waiting.length > this.#limit) {
      const unreliable = this.#waiting.findIndex((parcel) => parcel.message.qos === 0);
      const [dropped] = this.#waiting.splice(Math.max(0, unreliable), 1);
      this.#dropped += 1;
      dropped?.delivered?.();
    }
  }
}
