import type { MeterReport } from '../metering.js';

/** An engine that serves. */
export interface EngineView {
  readonly kind: string;
  readonly version: string;
  readonly precision: string;
  readonly form: string;
  /** SHA-256 of its encoder. */
  readonly encoder: string;
  readonly state: 'serving' | 'restarting' | 'failing';
  readonly restarts: number;
  readonly residentMib: number | null;
}

/** A bundle that serves. */
export interface ModelView {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly engine: string;
  readonly default: boolean;
}

/** How an update stands, as `update/state` of the protocol says it. */
export interface UpdateView {
  readonly phase: string;
  readonly installed?: string | undefined;
  readonly available?: string | undefined;
  readonly percent?: number | undefined;
  readonly error?: string | undefined;
}

/** What the agent is and does at present: changes seldom. */
export interface AgentView {
  readonly version: string;
  readonly device: string;
  readonly state: 'starting' | 'online' | 'degraded';
  readonly broker: { readonly url: string; readonly up: boolean };
  readonly engines: readonly EngineView[];
  readonly models: readonly ModelView[];
  /** The engine that is being built. */
  readonly building: { readonly step: string; readonly percent: number } | null;
  readonly update: UpdateView;
  readonly meter: MeterReport;
}

/** What the agent counted since its start, and what waits now. */
export interface AgentCounters {
  /** Requests that wait for an engine. */
  readonly queued: number;
  /** Answers that wait for the broker. */
  readonly outbox: number;
  /** Answers that were dropped because too many waited. */
  readonly outboxDropped: number;
  /** Requests that came again and got the answer they had. */
  readonly repeated: number;
  /** Messages from the broker: all, and those that were refused or ignored. */
  readonly received: number;
  readonly refused: number;
  readonly retained: number;
  readonly otherSite: number;
}
