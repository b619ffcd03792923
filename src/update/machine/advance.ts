import { IntentdError } from '../../base/index.js';
import type { GateFigure, Offer } from '../ports.js';
import { availableOf, chooseFor } from './choose.js';
import { chosen, digestOf, endedOf, isSame, newJob, triesOf } from './job.js';
import { countFailure, markOf, withMark, withoutMark } from './marks.js';
import { givenUpFor, queued } from './precedence.js';
import { phaseOf, transitions } from './table.js';
import {
  defaultRules,
  type Act,
  type Advance,
  type CheckWish,
  type Ended,
  type Failure,
  type Installed,
  type Job,
  type MachineEvent,
  type MachineState,
  type Outcome,
  type Phase,
  type RollbackWish,
  type Rules,
  type Step,
  type Wish,
} from './state.js';

/** Failures that say nothing of the bundle: it is given up for now, and nothing is counted against it. */
const blameless: readonly string[] = [
  'disk_full',
  'no_disk',
  'no_space',
  'no_memory',
  'rolled_back',
  'superseded',
];

/**
 * The update state machine: what an event makes of the state, and what is to be done next. Pure: the same
 * arguments give the same result.
 *
 * @param nowMs milliseconds since 1970
 * @throws IntentdError `overloaded` where too many wishes wait
 */
export function advance(
  state: MachineState,
  event: MachineEvent,
  nowMs: number,
  rules: Rules = defaultRules,
): Advance {
  const machine = new Machine(state, nowMs, rules);
  const id = machine.take(event);
  const { state: after, ended } = machine;
  return { state: after, acts: actsOf(after), ended, ...(id === undefined ? {} : { id }) };
}

/** The phase that people are told. */
export function currentPhase({ job }: MachineState): Phase {
  return job === null ? 'idle' : phaseOf(job.step, job.cause?.phase);
}

/** What is due in a state, also after a restart. */
export function actsOf({ job }: MachineState): Act[] {
  if (job === null) return [];
  if (job.waitUntilMs !== null) return [{ do: 'wait', job, untilMs: job.waitUntilMs }];
  return [{ do: 'step', job }];
}

class Machine {
  readonly ended: Ended[] = [];
  state: MachineState;
  readonly #nowMs: number;
  readonly #rules: Rules;

  constructor(state: MachineState, nowMs: number, rules: Rules) {
    this.state = state;
    this.#nowMs = nowMs;
    this.#rules = rules;
  }

  take(event: MachineEvent): number | undefined {
    if (event.kind === 'wished') return this.#wish(event.wish);
    const { job } = this.state;
    if (job !== null) this.#progress(job, event);
    this.#beginNext();
    return undefined;
  }

  #progress(job: Job, event: Exclude<MachineEvent, { kind: 'wished' }>): void {
    switch (event.kind) {
      case 'resumed':
        this.#resume(job, event.installed);
        return;
      case 'checked':
        this.#checked(job, event.offers, event.installed);
        return;
      case 'adopted':
        this.#succeed({ ...job, headOnly: event.headOnly });
        return;
      case 'measured':
        this.#measured(job, event.figures);
        return;
      case 'failed':
        this.#fail(job, { code: event.code, message: event.message });
        return;
      case 'done':
        this.#succeed(job);
    }
  }

  #wish(wish: Wish): number {
    const equal = this.state.waiting.find((one) => isSame(one.wish, wish));
    if (equal !== undefined) return equal.id;
    if (this.state.waiting.length >= this.#rules.maxWaiting) {
      throw new IntentdError(
        'overloaded',
        `${this.state.waiting.length} updates wait already: try again later.`,
      );
    }
    const id = this.state.nextId;
    this.#change({ nextId: id + 1, waiting: queued(this.state.waiting, { id, wish }) });
    this.#giveWay();
    this.#beginNext();
    return id;
  }

  /** To a rollback that waits. */
  #giveWay(): void {
    const { job, waiting } = this.state;
    if (job === null) return;
    for (const { wish } of waiting) {
      const failure = wish.kind === 'rollback' ? givenUpFor(job, wish) : undefined;
      if (failure === undefined) continue;
      this.#fail(job, failure);
      return;
    }
  }

  /** One update after the other. */
  #beginNext(): void {
    const [first, ...waiting] = this.state.waiting;
    if (this.state.job !== null || first === undefined) return;
    this.#change({ waiting, job: newJob(first.id, first.wish, this.#nowMs) });
  }

  /** Goes on after a restart: what only memory held is made again, and nothing is believed of what serves. */
  #resume(job: Job, installed: Installed): void {
    const serves = job.offer !== null && installed[job.offer.family]?.digest === job.offer.release.manifest;
    switch (job.step) {
      case 'stage':
      case 'shadow':
        this.#stageAnew(job);
        return;
      case 'activate':
        // The agent may have ended between the swap and the note of it.
        if (serves) this.#go(job, 'watch');
        else this.#stageAnew(job);
        return;
      case 'watch':
        this.#resumeProbation(job, serves);
        return;
      default:
    }
  }

  /** Its engine is built again first: TensorRT or the driver may have become another. */
  #stageAnew(job: Job): void {
    this.#go({ ...job, figures: [] }, job.headOnly ? 'stage' : 'build');
  }

  #resumeProbation(job: Job, serves: boolean): void {
    if (!serves) {
      this.#undo(job, { code: 'superseded', message: 'Another bundle serves in its place.' });
      return;
    }
    const restarts = job.restarts + 1;
    if (restarts > this.#rules.probationRestarts) {
      this.#fail(job, {
        code: 'crashes',
        message: `The agent started ${restarts} times while the bundle was in probation.`,
      });
      return;
    }
    this.#change({ job: { ...job, restarts, waitUntilMs: null } });
  }

  #checked(job: Job, offers: readonly Offer[], installed: Installed): void {
    this.#change({ checkedMs: this.#nowMs, available: availableOf(offers) });
    const { wish } = job;
    if (wish.kind === 'rollback') return;
    if (wish.kind === 'check') {
      this.#checkedAll(job, wish, offers, installed);
      return;
    }
    const choice = chooseFor(wish, offers, installed, this.state.marks);
    if ('refused' in choice) this.#end(job, 'failed', choice.refused);
    else if ('current' in choice) this.#end(job, 'current', null);
    else {
      if (wish.force) this.state = withoutMark(this.state, choice.offer.release.manifest);
      this.#go(chosen(job, choice.offer, installed), 'fetch');
    }
  }

  /** Takes the first that is newer, and wishes for the others. */
  #checkedAll(job: Job, wish: CheckWish, offers: readonly Offer[], installed: Installed): void {
    const found = wish.families.flatMap((family) => {
      const own = { kind: 'install', family, version: null, from: wish.from } as const;
      const install = { ...own, downgrade: false, force: false, by: wish.by };
      const choice = chooseFor(install, offers, installed, this.state.marks);
      return 'offer' in choice ? [{ install, offer: choice.offer }] : [];
    });
    const [first, ...others] = wish.install ? found : [];
    if (first === undefined) {
      this.#end(job, 'checked', null);
      return;
    }
    this.#go(chosen(job, first.offer, installed), 'fetch');
    for (const { install } of others) {
      if (this.state.waiting.length < this.#rules.maxWaiting) this.#wish(install);
    }
  }

  #measured(job: Job, figures: readonly GateFigure[]): void {
    const measured = { ...job, figures: [...job.figures, ...figures] };
    const failed = figures.filter(({ passed }) => !passed);
    if (failed.length === 0) this.#succeed(measured);
    else {
      const message = failed.map(({ gate, detail }) => `${gate}: ${detail}`).join('; ');
      this.#fail(measured, { code: 'gate_failed', message });
    }
  }

  #succeed(job: Job): void {
    const { next, nextHeadOnly } = transitions[job.step];
    if (job.step === 'revert') this.#noteReverted(job);
    const to = job.headOnly && nextHeadOnly !== undefined ? nextHeadOnly : next;
    if (to === 'end') {
      this.#finish(job);
      return;
    }
    if (to === 'settle') this.state = withoutMark(this.state, digestOf(job)!);
    this.#go(job, to);
    // Asked for while it was let in.
    if (to === 'watch') this.#giveWay();
  }

  #fail(job: Job, failure: Failure): void {
    const { counts, onFailure, retryOnly, tries } = transitions[job.step];
    const isBlameless = blameless.includes(failure.code);
    if (counts !== undefined && !isBlameless) {
      this.state = countFailure(this.state, job, counts, failure, this.#rules);
    }
    const failures = job.failures + 1;
    const mayRetry = !isBlameless && (retryOnly === undefined || retryOnly === failure.code);
    const isQuarantined = counts !== undefined && this.#isQuarantined(job);
    if (mayRetry && !isQuarantined && failures < triesOf(job, tries?.(this.#rules))) {
      this.#change({ job: { ...job, failures, waitUntilMs: this.#nowMs + this.#pauseMs(failures) } });
    } else if (job.wish.kind === 'rollback' && job.step === 'revert') this.#end(job, 'failed', failure);
    else if (onFailure === 'end') this.#failAtEnd(job, failure);
    else if (job.cause === null && job.step !== 'settle') this.#undo(job, failure, onFailure);
    else this.#go(job, onFailure);
  }

  #isQuarantined(job: Job): boolean {
    const digest = digestOf(job);
    return digest !== null && markOf(this.state, digest)?.quarantined === true;
  }

  #pauseMs(failures: number): number {
    return Math.min(this.#rules.maxRetryMs, this.#rules.retryMs * 2 ** (failures - 1));
  }

  #undo(job: Job, { code, message }: Failure, to: Step = 'discard'): void {
    const phase = phaseOf(job.step, job.cause?.phase);
    this.#go({ ...job, cause: { code, message, phase } }, to);
  }

  /** What the last step of a way back or forth failed with changes nothing of what came of the update. */
  #failAtEnd(job: Job, failure: Failure): void {
    if (job.step === 'check') this.#end(job, 'failed', failure);
    else this.#finish(job);
  }

  #finish(job: Job): void {
    const { cause, step, wish } = job;
    if (step === 'collect') this.#end(job, 'committed', null);
    else if (wish.kind === 'rollback') this.#end(job, 'rolledBack', null);
    else if (cause?.code === 'superseded') this.#end(job, 'superseded', cause);
    else this.#end(job, phaseOf(step, cause?.phase) === 'rollback' ? 'rolledBack' : 'failed', cause);
  }

  /** What was taken back by hand is not taken again by itself; whoever waits for the same has it. */
  #noteReverted(job: Job): void {
    if (job.wish.kind === 'rollback') this.#quarantine(job.wish);
    const fulfilled = this.state.waiting.filter(
      ({ wish }) => wish.kind === 'rollback' && wish.digest === digestOf(job),
    );
    for (const { id, wish } of fulfilled) {
      if (wish.kind === 'rollback') this.#quarantine(wish);
      this.ended.push(endedOf(newJob(id, wish, this.#nowMs), 'rolledBack', null, this.#nowMs));
    }
    this.#change({ waiting: this.state.waiting.filter((one) => !fulfilled.includes(one)) });
  }

  #quarantine({ digest, family, version }: RollbackWish): void {
    const before = markOf(this.state, digest) ?? { failedBuilds: 0, failedTrials: 0 };
    const reason = 'It was rolled back by hand.';
    this.state = withMark(this.state, { ...before, digest, family, version, quarantined: true, reason });
  }

  #go(job: Job, step: Step): void {
    this.#change({ job: { ...job, step, failures: 0, waitUntilMs: null } });
  }

  #end(job: Job, outcome: Outcome, failure: Failure | null): void {
    this.ended.push(endedOf(job, outcome, failure, this.#nowMs));
    const told = failure === null ? null : { code: failure.code, message: failure.message };
    this.#change({ job: null, lastFailure: told });
  }

  #change(changes: Partial<MachineState>): void {
    this.state = { ...this.state, ...changes };
  }
}
