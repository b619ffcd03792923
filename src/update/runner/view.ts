import {
  currentPhase,
  digestOf,
  type Available,
  type Failure,
  type MachineState,
  type Phase,
  type Step,
} from '../machine/index.js';

/** How updates are, for people and programs. */
export interface UpdateView {
  readonly phase: Phase;
  /** Of the wish that is under way. */
  readonly id: number | null;
  readonly family: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  /** Whether it serves, on trial or for good. */
  readonly serves: boolean;
  /** How far a phase is, where that is known. */
  readonly percent: number | null;
  /** Milliseconds since 1970 at which a step that failed is tried again. */
  readonly retryAtMs: number | null;
  /** Wishes that wait for their turn. */
  readonly waiting: number;
  readonly checkedMs: number | null;
  readonly available: readonly Available[];
  readonly quarantined: readonly {
    readonly family: string;
    readonly version: string;
    readonly reason: string;
  }[];
  /** Why the present update is undone, or the last one was. */
  readonly failure: Failure | null;
}

const serving: readonly Step[] = ['watch', 'settle', 'collect'];

export function viewOf(state: MachineState, percent: number | null): UpdateView {
  const { job, waiting, checkedMs, available, marks, lastFailure } = state;
  const named = job === null || job.wish.kind === 'check' ? null : job.wish;
  return {
    phase: currentPhase(state),
    id: job?.id ?? null,
    family: job?.offer?.family ?? named?.family ?? null,
    version: job?.offer?.release.version ?? named?.version ?? null,
    digest: job === null ? null : digestOf(job),
    serves: job !== null && serving.includes(job.step),
    percent,
    retryAtMs: job?.waitUntilMs ?? null,
    waiting: waiting.length,
    checkedMs,
    available,
    quarantined: marks
      .filter(({ quarantined }) => quarantined)
      .map(({ family, version, reason }) => ({ family, version, reason })),
    failure: job?.cause ?? (job === null ? lastFailure : null),
  };
}
