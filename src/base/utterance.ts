/** What is asked: an utterance to recognise, whatever dialect it came in. */
export interface Utterance {
  /** The sender's, or a generated one. */
  readonly id: string;
  readonly text: string;
  /** Id of the bundle to ask; the configured default where absent. */
  readonly model?: string;
  /** Only these intents may be the answer; all where absent. */
  readonly intentFilter?: readonly string[];
  /** How many alternatives the answer names, 1 to 10. */
  readonly topK?: number;
  /** Time to answer in, from its arrival; the configured default where absent. */
  readonly deadlineMs?: number;
}

export interface RankedIntent {
  readonly intent: string;
  /** Calibrated probability, 0 to 1. */
  readonly confidence: number;
}

/** What was recognised, and what it cost. */
export interface Answer {
  /** `null` where the utterance is out of scope. */
  readonly intent: string | null;
  readonly confidence: number;
  readonly outOfScope: boolean;
  readonly alternatives: readonly RankedIntent[];
  readonly model: { readonly id: string; readonly version: string };
  readonly latencyMs: {
    readonly queue: number;
    readonly tokenize: number;
    readonly infer: number;
    readonly total: number;
  };
  /** `null` where nothing measures it. */
  readonly energyMj: number | null;
  readonly energyEstimated: boolean;
  /** The text was longer than the model's positions, and was cut. */
  readonly truncated: boolean;
}

export const refusalCodes = [
  'bad_request',
  'too_large',
  'overloaded',
  'deadline_exceeded',
  'unavailable',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

/** Why there is no answer: a stable code, and a sentence for people. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

/** Every request ends in exactly one of the two. */
export type Outcome =
  { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly error: Refusal };

export function refused(code: RefusalCode, message: string): Outcome {
  return { ok: false, error: { code, message } };
}
