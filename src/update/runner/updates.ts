import { IntentdError, messageOf, type Clock, type Logger } from '../../base/index.js';
import type { Journal } from '../journal/index.js';
import {
  actsOf,
  advance,
  currentPhase,
  defaultRules,
  digestOf,
  type Act,
  type Advance,
  type Ended,
  type Job,
  type MachineEvent,
  type MachineState,
  type Rules,
  type Step,
  type Wish,
} from '../machine/index.js';
import { installedOf, perform, type Means } from './perform.js';
import { viewOf, type UpdateView } from './view.js';

export interface UpdatesParts extends Means {
  readonly journal: Journal;
  readonly clock: Pick<Clock, 'wall'>;
  readonly log: Logger;
  readonly rules?: Rules;
  /** Told whenever something is different, percent included. */
  readonly onChange: (view: UpdateView) => void;
  readonly onEnded: (ended: Ended) => void;
}

/** Once the bundle serves, or is taken back, these are carried through, journal or not. */
const carriedThrough: readonly Step[] = ['watch', 'settle', 'collect', 'revert', 'sweep'];

/**
 * Does what the state machine says, one act after the other. The journal holds the state before its act is done,
 * so that an agent that is killed goes on where it was.
 */
export class Updates {
  readonly #parts: UpdatesParts;
  readonly #rules: Rules;
  readonly #stopping = new AbortController();
  readonly #outcomes = new Map<number, (ended: Ended) => void>();
  #state: MachineState;
  #percent: number | null = null;
  #running: Promise<void> | undefined;
  /** Ends the act that is being done. */
  #act = new AbortController();
  #started = false;

  constructor(parts: UpdatesParts) {
    this.#parts = parts;
    this.#rules = parts.rules ?? defaultRules;
    this.#state = parts.journal.read();
  }

  get view(): UpdateView {
    return viewOf(this.#state, this.#percent);
  }

  /** Bundles that an update under way needs, which must not be collected. */
  get inFlight(): ReadonlySet<string> {
    const { job } = this.#state;
    const digest = job === null || job.step === 'sweep' ? null : digestOf(job);
    return new Set(digest === null ? [] : [digest]);
  }

  /** Goes on with what the journal says is under way; what serves must be loaded already. */
  start(): void {
    this.#started = true;
    const { job } = this.#state;
    if (job?.offer) {
      this.#parts.log.info({ step: job.step, version: job.offer.release.version }, 'an update is resumed');
    }
    const families = job?.offer ? [job.offer.family] : [];
    this.#take({ kind: 'resumed', installed: installedOf(families, this.#parts) });
    this.#run();
  }

  /**
   * Takes a wish, which is kept over restarts until it has ended.
   *
   * @returns what becomes of it
   * @throws IntentdError `overloaded`, `disk_full`, `journal_failed`, `stopping`
   */
  request(wish: Wish): { readonly id: number; readonly ended: Promise<Ended> } {
    this.#stopping.signal.throwIfAborted();
    const id = this.#take({ kind: 'wished', wish })!;
    const ended = new Promise<Ended>((resolve) => {
      const before = this.#outcomes.get(id);
      this.#outcomes.set(id, (one) => {
        before?.(one);
        resolve(one);
      });
    });
    if (this.#started) this.#run();
    return { id, ended };
  }

  history(limit: number): Ended[] {
    return this.#parts.journal.history(limit);
  }

  /** Lets go of what is being done; the next start goes on with it. */
  async stop(): Promise<void> {
    const reason = new IntentdError('stopping', 'The agent is stopping.');
    this.#stopping.abort(reason);
    this.#act.abort(reason);
    await this.#running;
    this.#parts.journal.close();
  }

  #run(): void {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = undefined;
    });
  }

  async #runAll(): Promise<void> {
    for (;;) {
      const [act] = actsOf(this.#state);
      if (act === undefined || this.#isStopping()) return;
      this.#act = new AbortController();
      const event = await this.#do(act, this.#act.signal);
      if (this.#isStopping()) return;
      this.#percent = null;
      // Where the job was given up meanwhile, what became of the act says nothing of what is due now.
      if (this.#state.job === act.job) this.#take(event);
    }
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #do(act: Act, signal: AbortSignal): Promise<MachineEvent> {
    const { clock } = this.#parts;
    if (act.do === 'wait') {
      // A clock that was set back must not make this longer than the longest pause.
      const ms = Math.min(act.untilMs - clock.wall(), this.#rules.maxRetryMs);
      await sleep(ms, signal);
    }
    return perform(act.job, this.#parts, {
      signal,
      onPercent: (percent) => {
        if (percent === this.#percent || signal.aborted) return;
        this.#percent = percent;
        this.#parts.onChange(this.view);
      },
    });
  }

  /** The number of the wish that the event was, if it was one. */
  #take(event: MachineEvent): number | undefined {
    const before = this.#state;
    const next = advance(before, event, this.#parts.clock.wall(), this.#rules);
    this.#logFailure(before, event);
    try {
      if (next.state !== before) this.#parts.journal.write(next.state, next.ended);
    } catch (error) {
      if (event.kind === 'wished') throw error;
      this.#withoutJournal(before, next, error);
      return next.id;
    }
    this.#become(next);
    return next.id;
  }

  #become({ state, ended }: Advance): void {
    const isGivenUp = state.job !== this.#state.job;
    this.#state = state;
    if (isGivenUp) this.#act.abort(new IntentdError('given_up', 'Something else is due.'));
    for (const one of ended) this.#tellEnded(one);
    this.#parts.onChange(this.view);
  }

  /** The journal cannot be written: nothing new is begun, and what changed who serves is carried through. */
  #withoutJournal(before: MachineState, next: Advance, error: unknown): void {
    const { log } = this.#parts;
    log.error({ reason: messageOf(error) }, 'the update journal cannot be written');
    const { job } = next.state;
    if (job === null || carriedThrough.includes(job.step)) {
      this.#become(next);
      return;
    }
    const code = error instanceof IntentdError ? error.code : 'journal_failed';
    const cause = { code, message: messageOf(error), phase: currentPhase(before) };
    const step = digestOf(job) === null ? 'sweep' : 'discard';
    this.#become({ ...next, state: { ...next.state, job: { ...job, step, cause, waitUntilMs: null } } });
  }

  #logFailure({ job }: MachineState, event: MachineEvent): void {
    if (event.kind !== 'failed' || job === null) return;
    const { code, message } = event;
    this.#parts.log.warn({ step: job.step, code, ...nameOf(job) }, `an update failed a step: ${message}`);
  }

  #tellEnded(ended: Ended): void {
    const { log, onEnded } = this.#parts;
    const { id, outcome, family, version, phase, failure } = ended;
    const fields = { outcome, family, version, ...(failure === null ? {} : { phase, ...failure }) };
    if (outcome === 'failed' || outcome === 'rolledBack') log.warn(fields, 'an update ended');
    else log.info(fields, 'an update ended');
    onEnded(ended);
    this.#outcomes.get(id)?.(ended);
    this.#outcomes.delete(id);
  }
}

function nameOf({ offer }: Job): object {
  return offer === null ? {} : { model: offer.family, version: offer.release.version };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.max(0, ms));
    signal.addEventListener('abort', finish);
  });
}
