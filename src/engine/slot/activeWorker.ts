import { IntentdError, messageOf, type Clock, type Logger } from '../../base/index.js';
import type { Engine, EngineInfo } from '../engine.js';
import { workerGone, type WorkerProcess } from '../worker/workerProcess.js';
import { Comeback } from './comeback.js';
import { SlotHealth, type Health } from './health.js';
import { StandIn } from './standIn.js';
import { Vacancy } from './vacancy.js';

/** Starts the next generation's worker; the signal ends one that is not ready yet. */
export type Launch = (signal: AbortSignal) => Promise<WorkerProcess>;

export interface ActiveWorkerOptions {
  /** The engine that is always there. */
  readonly launch: Launch;
  /** Time between two signs of life asked of the worker, in milliseconds. */
  readonly heartbeatMs: number;
  /** First pause before a preferred engine that kept failing is tried again, in ms; 30,000 if absent. */
  readonly retryMs?: number;
  /** Whether memory holds the engine that is always there beside the preferred one; it does if absent. */
  readonly hasRoom?: () => boolean;
  /** Errors of a preferred engine after which it is not tried again before it is swapped in; none if absent. */
  readonly isFinal?: (error: unknown) => boolean;
  /** Tries a preferred engine before it takes over from one that serves; throws where it must not. */
  readonly check?: (next: Engine) => Promise<void>;
  /** Called after the third failure within five minutes, and when the worker held for as long again. */
  readonly onHealth?: (health: Health) => void;
  /** Called when another kind of engine serves than before. */
  readonly onServing?: (info: EngineInfo) => void;
}

export interface ActiveWorkerHooks {
  /** Makes a worker ready to serve, before it does. */
  readonly prepare: (worker: WorkerProcess) => Promise<void>;
  /** Lets a worker of the preferred engine take over from the one that serves, unless the signal aborts before. */
  readonly takeOver: (worker: WorkerProcess, preferred: Launch, signal: AbortSignal) => Promise<void>;
  /** A worker that served is gone. */
  readonly lost: (reason: string) => void;
}

const firstRetryMs = 30_000;

/**
 * The worker that serves: one that dies, hangs or talks nonsense is replaced. Where a preferred engine is lost, the
 * one that is always there carries the gap until the next worker of the preferred one is ready; where it keeps
 * failing, for longer, and the preferred one is tried again after pauses that grow.
 */
export class ActiveWorker {
  readonly #options: ActiveWorkerOptions;
  readonly #hooks: ActiveWorkerHooks;
  readonly #log: Logger;
  readonly #health: SlotHealth;
  readonly #comeback: Comeback;
  readonly #standIn: StandIn;
  readonly #closing = new AbortController();
  #preferred: Launch | undefined;
  #info: EngineInfo | undefined;
  #vacancy: Vacancy | undefined;
  #active: { readonly worker: WorkerProcess; readonly isPreferred: boolean } | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #restarts = 0;
  #residentKib = 0;

  constructor(options: ActiveWorkerOptions, hooks: ActiveWorkerHooks, clock: Clock, log: Logger) {
    this.#options = options;
    this.#hooks = hooks;
    this.#log = log;
    this.#health = new SlotHealth(clock, (health) => options.onHealth?.(health));
    const comeback = {
      retryMs: options.retryMs ?? firstRetryMs,
      isFinal: (error: unknown) => options.isFinal?.(error) ?? false,
      serve: this.#servePreferred.bind(this),
      onGivenUp: this.#withoutPreferred.bind(this),
    };
    this.#comeback = new Comeback(comeback, this.#health, log);
    this.#standIn = new StandIn({
      launch: options.launch,
      prepare: hooks.prepare,
      serve: (worker) => {
        this.#serveNext(worker, false);
      },
      onFailed: this.#noteStandInFailed.bind(this),
    });
  }

  /** What the last worker that served said of itself. */
  get info(): EngineInfo {
    return this.#info!;
  }

  /** The worker that serves; `undefined` while there is none. */
  get worker(): WorkerProcess | undefined {
    return this.#active?.worker;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Whether the worker that serves is of the preferred engine. */
  get isPreferred(): boolean {
    return this.#active?.isPreferred ?? false;
  }

  get failing(): boolean {
    return this.#health.failing;
  }

  /** Resident memory of the worker at its last sign of life, in KiB. */
  get residentKib(): number {
    return this.#residentKib;
  }

  /** Aborts when this is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * Starts the engine that is always there, or the preferred one, and that in its place where it fails.
   *
   * @param meanwhile whether the one that is always there serves until the preferred one is ready, where memory
   *   holds both
   * @throws IntentdError what kept the first worker from starting
   */
  async start(preferred: Launch | undefined, meanwhile: boolean): Promise<void> {
    this.#preferred = preferred;
    const vacancy = new Vacancy();
    this.#vacancy = vacancy;
    if (preferred !== undefined) this.#comeback.begin(preferred);
    if (preferred === undefined || (meanwhile && this.#hasRoom())) this.#standIn.fill(vacancy);
    try {
      await vacancy.filled;
      this.closing.throwIfAborted();
    } catch (error) {
      this.#comeback.cancel();
      throw error;
    }
    this.#heartbeat = setInterval(() => {
      void this.#beat();
    }, this.#options.heartbeatMs);
  }

  /** The worker that serves, or the one that is to, once it does. */
  current(): Promise<WorkerProcess> {
    if (this.#active !== undefined) return Promise.resolve(this.#active.worker);
    if (this.#vacancy !== undefined) return this.#vacancy.filled;
    return Promise.reject(new IntentdError(workerGone, 'The engine was not started.'));
  }

  /**
   * Lets a worker serve, and its engine be preferred from now on.
   *
   * @param preferred `undefined` where the worker is of the engine that is always there
   * @returns the worker that served until now
   */
  succeed(next: WorkerProcess, preferred: Launch | undefined): WorkerProcess | undefined {
    const old = this.#active?.worker;
    this.#comeback.cancel();
    this.#preferred = preferred;
    this.#adopt(next, preferred !== undefined);
    return old;
  }

  async close(): Promise<void> {
    const reason = new IntentdError(workerGone, 'The engine was closed.');
    this.#closing.abort(reason);
    clearInterval(this.#heartbeat);
    this.#comeback.cancel();
    this.#vacancy?.fail(reason);
    await this.#active?.worker.close();
  }

  #hasRoom(): boolean {
    return this.#options.hasRoom?.() ?? true;
  }

  #adopt(worker: WorkerProcess, isPreferred: boolean): void {
    const before = this.#info?.kind;
    this.#active = { worker, isPreferred };
    this.#info = worker.info;
    this.#vacancy?.fill(worker);
    if (before !== undefined && before !== worker.info.kind) this.#options.onServing?.(worker.info);
    void worker.gone.then((reason) => {
      if (this.closing.aborted || this.#active?.worker !== worker) return;
      this.#active = undefined;
      this.#restarts += 1;
      this.#log.warn({ reason }, 'the engine worker ended; starting the next one');
      this.#health.noteFailure(isPreferred);
      this.#replace(isPreferred);
      this.#hooks.lost(reason);
    });
  }

  /** Whichever engine is ready first serves; the other gives way, or takes over when it is. */
  #replace(wasPreferred: boolean): void {
    const vacancy = new Vacancy();
    this.#vacancy = vacancy;
    if (this.#preferred !== undefined) this.#comeback.begin(this.#preferred);
    // One that was there beside the preferred engine had its room.
    if (!this.#comeback.isUnderWay || !wasPreferred || this.#hasRoom()) this.#standIn.fill(vacancy);
  }

  async #servePreferred(preferred: Launch, signal: AbortSignal): Promise<void> {
    const worker = await preferred(AbortSignal.any([signal, this.closing]));
    try {
      if (this.#isVacant()) await this.#hooks.prepare(worker);
      signal.throwIfAborted();
      // In a vacancy at once: what waits for its turn may wait for a worker.
      if (this.#isVacant()) this.#serveNext(worker, true);
      else await this.#hooks.takeOver(worker, preferred, signal);
    } catch (error) {
      worker.kill('it is not let in');
      throw error;
    }
  }

  #withoutPreferred(isFinal: boolean): void {
    if (isFinal) this.#preferred = undefined;
    if (this.#vacancy !== undefined && this.#isVacant()) this.#standIn.fill(this.#vacancy);
  }

  #serveNext(worker: WorkerProcess, isPreferred: boolean): void {
    this.#adopt(worker, isPreferred);
    this.#log.info({ engine: worker.info.kind, pid: worker.pid }, 'the next engine worker serves');
  }

  #noteStandInFailed(error: unknown, vacancy: Vacancy): void {
    // It was ended, for another one came first.
    if (!vacancy.isOpen) return;
    if (this.#info === undefined && !this.#comeback.isUnderWay) {
      vacancy.fail(error);
      return;
    }
    this.#log.error({ reason: messageOf(error) }, 'the next engine worker did not start');
    this.#health.noteFailure(false);
  }

  async #beat(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    try {
      this.#residentKib = await active.worker.ping();
      const isWanted = this.#preferred === undefined || active.isPreferred;
      if (isWanted && this.#health.noteLife()) this.#comeback.reset();
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the engine worker gave no sign of life');
    }
  }

  /** Asked anew after waiting. */
  #isVacant(): boolean {
    return this.#vacancy?.isOpen === true;
  }
}
