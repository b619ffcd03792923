/** What one check found, and what a person can do about it. */
export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'failure';
  readonly found: string;
  /** What follows, or what to do; absent where all is well. */
  readonly advice?: string;
}

export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found };
}

export function warning(check: string, found: string, advice: string): Finding {
  return { check, level: 'warning', found, advice };
}

export function failure(check: string, found: string, advice: string): Finding {
  return { check, level: 'failure', found, advice };
}
