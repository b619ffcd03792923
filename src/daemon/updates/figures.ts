import type { GateFigure } from '../../update/index.js';

type Gate = GateFigure['gate'];

/** What was measured may not pass the bound; `null` passes, and the sentence says why it was not measured. */
export function atMost(gate: Gate, measured: number | null, bound: number, detail: string): GateFigure {
  return { gate, measured, bound, passed: measured === null || measured <= bound, detail };
}

/** What was measured may not fall under the bound; as {@link atMost}. */
export function atLeast(gate: Gate, measured: number | null, bound: number, detail: string): GateFigure {
  return { gate, measured, bound, passed: measured === null || measured >= bound, detail };
}

/** Nothing was measured, for a reason that is no fault of the bundle's. */
export function skipped(gate: Gate, reason: string): GateFigure {
  return { gate, measured: null, bound: null, passed: true, detail: `Not measured: ${reason}.` };
}

/** A gate that failed as a whole. */
export function failed(gate: Gate, reason: string): GateFigure {
  return { gate, measured: null, bound: null, passed: false, detail: reason };
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

export function milliseconds(ms: number | null): string {
  return ms === null ? '?' : `${ms.toFixed(2)} ms`;
}
