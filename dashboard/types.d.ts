// What the agent sends, as the page reads it: src/telemetry/web/ says the same from its side.

import type uPlotClass from 'uplot';

declare global {
  /** uPlot.js makes it before the modules run. */
  const uPlot: typeof uPlotClass;
}

export interface Second {
  at: number;
  ratePerSecond: number;
  errors: number;
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
  energyMj: number | null;
  railsW: Record<string, number> | null;
}

export interface Ended {
  at: number;
  intent: string | null;
  outOfScope: boolean;
  error: string | null;
  confidence: number | null;
  totalMs: number;
  energyMj: number | null;
  dialect: string;
  model: string | null;
}

export interface IntentCount {
  intent: string;
  count: number;
}

export interface Standing {
  minute: {
    answered: number;
    p50Ms: number | null;
    p95Ms: number | null;
    p99Ms: number | null;
    energyMj: number | null;
  };
  intents: IntentCount[];
  answered: number;
  outOfScope: number;
}

export interface AgentView {
  version: string;
  device: string;
  state: 'starting' | 'online' | 'degraded';
  broker: { url: string; up: boolean };
  engines: {
    kind: string;
    version: string;
    precision: string;
    form: string;
    encoder: string;
    state: string;
    restarts: number;
    residentMib: number | null;
  }[];
  models: { name: string; version: string; digest: string; engine: string; default: boolean }[];
  building: { step: string; percent: number } | null;
  update: { phase: string; installed?: string; available?: string; percent?: number; error?: string };
  meter: {
    meter: {
      kind: string;
      device: string;
      covers: string;
      total: string;
      rails: string[];
      sampleMs: number;
    } | null;
    fault: string | null;
  };
}

export interface Hello {
  agent: AgentView;
  startedAt: number;
  seconds: Second[];
  newest: Ended[];
  standing: Standing;
}

export interface History {
  since: number;
  until: number;
  stepMs: number;
  requests: {
    count: number[];
    errors: number[];
    outOfScope: number[];
    p50Ms: (number | null)[];
    p95Ms: (number | null)[];
    p99Ms: (number | null)[];
    energyMj: (number | null)[];
  };
  railsW: Record<string, (number | null)[]>;
  intents: IntentCount[];
}

/** What the charts show: one element a moment in each list. */
export interface Columns {
  /** Seconds since 1970. */
  time: number[];
  answered: (number | null)[];
  refused: (number | null)[];
  p50: (number | null)[];
  p95: (number | null)[];
  p99: (number | null)[];
  energy: (number | null)[];
  /** In W. */
  rails: Record<string, (number | null)[]>;
}

export interface Answer {
  intent?: string | null;
  confidence?: number;
  outOfScope?: boolean;
  alternatives?: { intent: string; confidence: number }[];
  model?: { id: string; version: string };
  latencyMs?: { queue: number; tokenize: number; infer: number; total: number };
  energyMj?: number | null;
  energyEstimated?: boolean;
  error?: { code: string; message: string };
}
