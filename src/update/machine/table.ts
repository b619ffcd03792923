import type { Phase, Rules, Step } from './state.js';

/** Where a step leads. */
export interface Transition {
  /** `undoing` is `rollback` where the bundle was tried, and `aborting` before that. */
  readonly phase: Phase | 'undoing';
  readonly next: Step | 'end';
  /** Where it leads instead if the encoder serves already: nothing to build, nothing to shadow. */
  readonly nextHeadOnly?: Step;
  readonly onFailure: Step | 'end';
  /** How often it is tried in a row. */
  readonly tries?: (rules: Rules) => number;
  /** Only failures of this code are tried again. */
  readonly retryOnly?: string;
  /** What its failure is counted as, on the way to quarantine. */
  readonly counts?: 'build' | 'trial';
}

/**
 * idle → checking → downloading → verified → building → staged → shadow → probation → committed, and back from
 * each. Up to `shadow` nothing has changed for those who ask; from `activate` on the way back is `revert`.
 */
export const transitions: Readonly<Record<Step, Transition>> = {
  check: { phase: 'checking', next: 'fetch', onFailure: 'end' },
  fetch: {
    phase: 'downloading',
    next: 'adopt',
    onFailure: 'sweep',
    tries: ({ fetchTries }) => fetchTries,
    retryOnly: 'unreachable',
  },
  adopt: {
    phase: 'verified',
    next: 'build',
    nextHeadOnly: 'stage',
    onFailure: 'sweep',
    counts: 'trial',
  },
  build: {
    phase: 'building',
    next: 'stage',
    onFailure: 'discard',
    tries: ({ builds }) => builds,
    counts: 'build',
  },
  stage: {
    phase: 'staged',
    next: 'shadow',
    nextHeadOnly: 'activate',
    onFailure: 'discard',
    counts: 'trial',
  },
  shadow: { phase: 'shadow', next: 'activate', onFailure: 'discard', counts: 'trial' },
  activate: { phase: 'probation', next: 'watch', onFailure: 'revert', counts: 'trial' },
  watch: { phase: 'probation', next: 'settle', onFailure: 'revert', counts: 'trial' },
  settle: { phase: 'committed', next: 'collect', onFailure: 'collect' },
  collect: { phase: 'committed', next: 'end', onFailure: 'end' },
  revert: { phase: 'undoing', next: 'discard', onFailure: 'discard', tries: ({ reverts }) => reverts },
  discard: { phase: 'undoing', next: 'sweep', onFailure: 'sweep' },
  sweep: { phase: 'undoing', next: 'end', onFailure: 'end' },
};

/** Phases from which what was tried is rolled back; before them there is only something to abort. */
const tried: readonly Phase[] = ['staged', 'shadow', 'probation', 'committed'];

/** The phase of a step of a job that is undone because of something in `causePhase`. */
export function phaseOf(step: Step, causePhase: Phase | undefined): Phase {
  const { phase } = transitions[step];
  if (phase !== 'undoing') return phase;
  return causePhase === undefined || tried.includes(causePhase) ? 'rollback' : 'aborting';
}
