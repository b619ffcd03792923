import type { GateFigure, Offer } from '../ports.js';

/** What is being done with an update, as people see it. */
export type Phase =
  | 'idle'
  | 'checking'
  | 'downloading'
  | 'verified'
  | 'building'
  | 'staged'
  | 'shadow'
  | 'probation'
  | 'committed'
  | 'rollback'
  | 'aborting';

/** One act each; the journal says which is due before it is done. */
export type Step =
  | 'check'
  | 'fetch'
  | 'adopt'
  | 'build'
  | 'stage'
  | 'shadow'
  | 'activate'
  | 'watch'
  | 'settle'
  | 'collect'
  | 'revert'
  | 'discard'
  | 'sweep';

/** Who asked: the time, a person or program of this device, or somebody over the network. */
export type Asker = 'schedule' | 'command' | 'mqtt';

interface Asked {
  readonly by: Asker;
}

/** Looks for updates of these families; `install` takes what is newer. */
export interface CheckWish extends Asked {
  readonly kind: 'check';
  readonly families: readonly string[];
  readonly install: boolean;
  /** As that of an install. */
  readonly from: string | null;
}

export interface InstallWish extends Asked {
  readonly kind: 'install';
  readonly family: string;
  /** The newest that this device takes if `null`. */
  readonly version: string | null;
  /** Folder of a repository on this device; the configured source if `null`. */
  readonly from: string | null;
  /** Takes an older version than the one that serves. */
  readonly downgrade: boolean;
  /** Takes a version that failed before. */
  readonly force: boolean;
}

/** Takes the bundle that serves back for the one before it. */
export interface RollbackWish extends Asked {
  readonly kind: 'rollback';
  readonly family: string;
  readonly digest: string;
  readonly version: string;
}

export type Wish = CheckWish | InstallWish | RollbackWish;

export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** The one update that is under way. */
export interface Job {
  readonly id: number;
  readonly wish: Wish;
  readonly step: Step;
  /** What is installed; `null` until it was found. */
  readonly offer: Offer | null;
  /** What served when it began. */
  readonly replaces: { readonly digest: string; readonly version: string } | null;
  /** Its encoder serves already. */
  readonly headOnly: boolean;
  /** Failures of this step in a row. */
  readonly failures: number;
  /** Starts of the agent while it was in probation. */
  readonly restarts: number;
  /** Milliseconds since 1970 before which the step is not tried again. */
  readonly waitUntilMs: number | null;
  /** Why it is undone, and in which phase that was found. */
  readonly cause: (Failure & { readonly phase: Phase }) | null;
  readonly figures: readonly GateFigure[];
  readonly startedMs: number;
}

/** What is known of a bundle that failed. */
export interface Mark {
  readonly digest: string;
  readonly family: string;
  readonly version: string;
  readonly failedBuilds: number;
  readonly failedTrials: number;
  /** Not taken by itself any more. */
  readonly quarantined: boolean;
  readonly reason: string;
}

/** What the last check of a family's releases found. */
export interface Available {
  readonly family: string;
  readonly version: string;
  /** Why this device does not take it; `null` where it would. */
  readonly refusal: string | null;
}

export interface MachineState {
  /** Of the next wish. */
  readonly nextId: number;
  readonly job: Job | null;
  readonly waiting: readonly { readonly id: number; readonly wish: Wish }[];
  readonly marks: readonly Mark[];
  readonly checkedMs: number | null;
  readonly available: readonly Available[];
  /** Why the last job that failed did. */
  readonly lastFailure: Failure | null;
}

export const initialState: MachineState = {
  nextId: 1,
  job: null,
  waiting: [],
  marks: [],
  checkedMs: null,
  available: [],
  lastFailure: null,
};

export type Outcome = 'checked' | 'current' | 'committed' | 'rolledBack' | 'failed' | 'superseded';

/** What became of a wish. */
export interface Ended {
  readonly id: number;
  readonly outcome: Outcome;
  readonly by: Asker;
  readonly kind: Wish['kind'];
  readonly family: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  readonly replaced: string | null;
  readonly startedMs: number;
  readonly endedMs: number;
  /** Where it failed. */
  readonly phase: Phase;
  readonly failure: Failure | null;
  readonly figures: readonly GateFigure[];
}

/** What serves a family, as the world told. */
export type Installed = Readonly<
  Record<string, { readonly digest: string; readonly version: string } | undefined>
>;

export type MachineEvent =
  | { readonly kind: 'wished'; readonly wish: Wish }
  /** The agent started, and what the journal says is under way. */
  | { readonly kind: 'resumed'; readonly installed: Installed }
  | { readonly kind: 'checked'; readonly offers: readonly Offer[]; readonly installed: Installed }
  | { readonly kind: 'adopted'; readonly headOnly: boolean }
  | { readonly kind: 'measured'; readonly figures: readonly GateFigure[] }
  /** A step without result is done. */
  | { readonly kind: 'done' }
  | ({ readonly kind: 'failed' } & Failure);

/** What is to be done next. */
export type Act =
  | { readonly do: 'step'; readonly job: Job }
  | { readonly do: 'wait'; readonly job: Job; readonly untilMs: number };

export interface Advance {
  readonly state: MachineState;
  /** At most one: updates go one after the other. */
  readonly acts: readonly Act[];
  readonly ended: readonly Ended[];
  /** Of the wish that was made, or of an equal one that waits already. */
  readonly id?: number;
}

/** How often what is tried, and how long is waited between. */
export interface Rules {
  readonly fetchTries: number;
  readonly builds: number;
  readonly trials: number;
  readonly reverts: number;
  readonly probationRestarts: number;
  readonly maxWaiting: number;
  readonly retryMs: number;
  readonly maxRetryMs: number;
}

export const defaultRules: Rules = {
  fetchTries: 5,
  builds: 3,
  trials: 2,
  reverts: 10,
  probationRestarts: 2,
  maxWaiting: 16,
  retryMs: 15_000,
  maxRetryMs: 600_000,
};
