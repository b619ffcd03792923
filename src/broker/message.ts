import type { Outcome, RefusalCode, Utterance } from '../base/index.js';

/** A message as it came from the broker. */
export interface Inbound {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** MQTT 5 only, the three of them. */
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly expirySeconds?: number;
}

/** A message to be published. */
export interface Outbound {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain?: boolean;
  readonly correlationData?: Buffer;
}

export type Dialect = 'native' | 'hermes';

/** A request that was understood. */
export interface Request {
  readonly dialect: Dialect;
  readonly utterance: Utterance;
  /** Who asks, as far as MQTT tells: what fairness between senders goes by. */
  readonly sender: string;
  /** The same for a repeated delivery of this request; absent where nothing tells repeats apart. */
  readonly repeatKey?: string;
  /** The messages that carry the outcome to the sender. */
  readonly encode: (outcome: Outcome) => Outbound[];
}

/** What became of a message: a request, a refusal to be published, or nothing to do. */
export type Decoded =
  | { readonly kind: 'request'; readonly request: Request }
  | {
      readonly kind: 'refused';
      readonly dialect: Dialect;
      readonly code: RefusalCode;
      readonly message: string;
      readonly messages: readonly Outbound[];
    }
  | { readonly kind: 'ignored'; readonly reason: 'retained' | 'other_site' };
