import type { Inbound } from './message.js';
import type { Outbox, Parcel } from './outbox.js';

export interface LinkHandlers {
  onMessage(message: Inbound): void;
  /** Connected and subscribed. */
  onUp(): void;
  /** `waitMs` later it is tried again. */
  onDown(reason: string, waitMs: number): void;
}

/** The way to a broker, over the network or inside this process. */
export interface Link {
  readonly up: boolean;
  /** What waits for the broker. */
  readonly outbox: Outbox;
  /** Begins to connect; `onUp` says when it is done. */
  start(): void;
  /** Publishes now, or when the broker is back. */
  publish(parcel: Parcel): void;
  /** Stops to take new messages, and keeps publishing. */
  unsubscribe(): Promise<void>;
  /** Waits until everything is out, at most `withinMs`, and disconnects. What is left stays in the outbox. */
  stop(withinMs: number): Promise<void>;
}
