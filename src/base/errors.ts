/**
 * The one error class of intentd. `code` is stable and meant for programs; `message` is one sentence
 * for people that says what was expected and, where possible, what to do.
 */
export class IntentdError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'IntentdError';
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
