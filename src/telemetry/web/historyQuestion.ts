import type { RequestSeries } from '../store/seriesQuery.js';
import type { MinuteCount } from './intentsOfHour.js';

/** What the history process is asked, as JSON in its only argument. */
export type HistoryQuestion =
  | {
      readonly kind: 'series';
      readonly path: string;
      readonly since: number;
      readonly until: number;
      readonly stepMs: number;
    }
  | { readonly kind: 'intents'; readonly path: string; readonly since: number; readonly until: number };

/** A stretch of the past: times of its steps' beginnings are `since + n · stepMs`. */
export interface History {
  readonly since: number;
  readonly until: number;
  readonly stepMs: number;
  readonly requests: RequestSeries;
  /** Mean power by rail, in W. */
  readonly railsW: Readonly<Record<string, readonly (number | null)[]>>;
  readonly intents: readonly { readonly intent: string; readonly count: number }[];
}

/** What it answers, as JSON on standard output. */
export type HistoryAnswer =
  { readonly history: History } | { readonly intents: readonly MinuteCount[] } | { readonly error: string };
