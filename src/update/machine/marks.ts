import type { GateFigure } from '../ports.js';
import type { Failure, Job, MachineState, Mark, Rules } from './state.js';

const keptMarks = 64;
/** Gates that depend on nothing but the bundle and the device: another try would measure the same. */
const certain: readonly GateFigure['gate'][] = ['accuracy', 'agreement'];

/** Counts a failed build or trial of the job's bundle; enough of them quarantine it. */
export function countFailure(
  state: MachineState,
  job: Job,
  what: 'build' | 'trial',
  failure: Failure,
  rules: Rules,
): MachineState {
  if (job.offer === null) return state;
  const { family, release } = job.offer;
  const before = markOf(state, release.manifest);
  const failedBuilds = (before?.failedBuilds ?? 0) + (what === 'build' ? 1 : 0);
  const failedTrials = (before?.failedTrials ?? 0) + (what === 'trial' ? 1 : 0);
  const isCertain = job.figures.some(({ gate, passed }) => !passed && certain.includes(gate));
  return withMark(state, {
    digest: release.manifest,
    family,
    version: release.version,
    failedBuilds,
    failedTrials,
    quarantined: isCertain || failedBuilds >= rules.builds || failedTrials >= rules.trials,
    reason: failure.message,
  });
}

export function withMark(state: MachineState, mark: Mark): MachineState {
  const others = state.marks.filter(({ digest }) => digest !== mark.digest);
  return { ...state, marks: [...others, mark].slice(-keptMarks) };
}

/** Forgets what failed: it serves, or somebody wants it tried anew. */
export function withoutMark(state: MachineState, digest: string): MachineState {
  return { ...state, marks: state.marks.filter((mark) => mark.digest !== digest) };
}

export function markOf(state: MachineState, digest: string): Mark | undefined {
  return state.marks.find((mark) => mark.digest === digest);
}
