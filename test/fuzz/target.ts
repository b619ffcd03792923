import type { Random } from './mutate.js';

/** Something that reads what others wrote. */
export interface FuzzTarget {
  readonly name: string;
  /**
   * Tries one input that follows from chance alone.
   *
   * @returns `accepted`, or the code of the refusal; anything that is thrown is a finding
   */
  readonly tryOne: (random: Random) => Promise<string>;
}

/** The code of an error of ours; everything else is thrown on: a finding. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && error.name === 'IntentdError' && 'code' in error && error.message !== '') {
    return String(error.code);
  }
  throw error;
}

/** Holds what was accepted to its promise. */
export function promise(holds: boolean, what: string): void {
  if (!holds) throw new Error(`accepted, though ${what}`);
}
