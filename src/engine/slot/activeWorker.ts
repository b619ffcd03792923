import { setTimeout as sleep } from 'node:timers/promises';
import { IntentdError, messageOf, type Clock, type Logger } from '../../base/index.js';
import type { EngineInfo } from '../engine.js';
import { workerGone, type WorkerProcess } from '../worker/workerProcess.js';
import { SlotHealth, type Health } from './health.js';
import { RetryTimer } from './retryTimer.js';

/** Starts the next generation's worker; the signal ends one that is not ready yet. */
export type Launch = (signal: AbortSignal) => Promise<WorkerProcess>;

export interface ActiveWorkerOptions {
  /** The engine that is always there. */
  readonly launch: Launch;
  /** Time between two signs of life asked of the worker, in milliseconds. */
  readonly heartbeatMs: number;
  /** First pause before a preferred engine that kept failing is tried again, in ms; 30,000 if absent. */
  readonly retryMs?: number;
  /** Called after the third failure within five minutes, and when the worker held for as long again. */
  readonly onHealth?: (health: Health) => void;
  /** Called when another kind of engine serves than before. */
  readonly onServing?: (info: EngineInfo) => void;
}

export interface ActiveWorkerHooks {
  /** Makes a worker ready to serve, before it does. */
  readonly prepare: (worker: WorkerProcess) => Promise<void>;
  /** Lets a preferred engine serve that failed too often before. */
  readonly tryAgain: (preferred: Launch) => Promise<void>;
  /** A worker that served is gone. */
  readonly lost: (reason: string) => void;
}

const firstRetryMs = 30_000;
const longestPauseMs = 5000;

/**
 * The worker that serves: one that dies, hangs or talks nonsense is replaced. Where a preferred engine keeps
 * failing, the one that is always there takes its place, and the preferred one is tried again after pauses that grow.
 */
export class ActiveWorker {
  readonly #options: ActiveWorkerOptions;
  readonly #hooks: ActiveWorkerHooks;
  readonly #log: Logger;
  readonly #health: SlotHealth;
  readonly #retry: RetryTimer;
  readonly #closing = new AbortController();
  #preferred: Launch | undefined;
  #info: EngineInfo | undefined;
  #next: Promise<WorkerProcess> | undefined;
  #active: { readonly worker: WorkerProcess; readonly isPreferred: boolean } | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #restarts = 0;
  #residentKib = 0;

  constructor(options: ActiveWorkerOptions, hooks: ActiveWorkerHooks, clock: Clock, log: Logger) {
    this.#options = options;
    this.#hooks = hooks;
    this.#log = log;
    this.#health = new SlotHealth(clock, (health) => options.onHealth?.(health));
    this.#retry = new RetryTimer(options.retryMs ?? firstRetryMs);
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
   * @throws IntentdError what kept the first worker from starting
   */
  async start(preferred: Launch | undefined): Promise<void> {
    this.#preferred = preferred;
    this.#next = preferred === undefined ? this.#first() : this.#replace();
    await this.#next;
    this.closing.throwIfAborted();
    this.#heartbeat = setInterval(() => {
      void this.#beat();
    }, this.#options.heartbeatMs);
  }

  /** The worker that serves, or the one that is to, once it does. */
  current(): Promise<WorkerProcess> {
    return this.#next ?? Promise.reject(new IntentdError(workerGone, 'The engine was not started.'));
  }

  /**
   * Lets a worker serve, and its engine be preferred from now on.
   *
   * @param preferred `undefined` where the worker is of the engine that is always there
   * @returns the worker that served until now
   */
  succeed(next: WorkerProcess, preferred: Launch | undefined): WorkerProcess | undefined {
    const old = this.#active?.worker;
    this.#retry.cancel();
    this.#preferred = preferred;
    this.#adopt(next, preferred !== undefined);
    this.#next = Promise.resolve(next);
    return old;
  }

  async close(): Promise<void> {
    this.#closing.abort(new IntentdError(workerGone, 'The engine was closed.'));
    clearInterval(this.#heartbeat);
    this.#retry.cancel();
    await this.#active?.worker.close();
  }

  async #first(): Promise<WorkerProcess> {
    const worker = await this.#options.launch(this.closing);
    if (this.closing.aborted) return await this.#superseded(worker);
    this.#adopt(worker, false);
    return worker;
  }

  #adopt(worker: WorkerProcess, isPreferred: boolean): void {
    const before = this.#info?.kind;
    this.#active = { worker, isPreferred };
    this.#info = worker.info;
    if (before !== undefined && before !== worker.info.kind) this.#options.onServing?.(worker.info);
    void worker.gone.then((reason) => {
      if (this.closing.aborted || this.#active?.worker !== worker) return;
      this.#active = undefined;
      this.#restarts += 1;
      this.#log.warn({ reason }, 'the engine worker ended; starting the next one');
      this.#health.noteFailure(isPreferred);
      this.#next = this.#replace();
      // Whoever waits for it sees its failure; it is logged where it happens.
      this.#next.catch(() => undefined);
      this.#hooks.lost(reason);
    });
  }

  async #replace(): Promise<WorkerProcess> {
    for (let attempt = 0, before: unknown; !this.closing.aborted; attempt += 1) {
      const preferred = this.#health.avoidsPreferred ? undefined : this.#preferred;
      if (attempt > 0 && preferred === before) await sleep(Math.min(longestPauseMs, 100 * 2 ** attempt));
      before = preferred;
      try {
        return await this.#startNext(preferred);
      } catch (error) {
        if (this.#isClosed()) break;
        this.#log.error({ reason: messageOf(error) }, 'the next engine worker did not start');
        this.#health.noteFailure(preferred !== undefined);
      }
    }
    throw new IntentdError(workerGone, 'The engine was closed.');
  }

  async #startNext(preferred: Launch | undefined): Promise<WorkerProcess> {
    const worker = await (preferred ?? this.#options.launch)(this.closing);
    await this.#hooks.prepare(worker);
    // Another one was swapped in while this one started: it serves, and this one is not needed.
    if (this.#active !== undefined || this.closing.aborted) return await this.#superseded(worker);
    this.#adopt(worker, preferred !== undefined);
    this.#log.info({ engine: worker.info.kind, pid: worker.pid }, 'the next engine worker serves');
    if (preferred === undefined && this.#preferred !== undefined) this.#retryLater();
    return worker;
  }

  async #superseded(worker: WorkerProcess): Promise<WorkerProcess> {
    await worker.close();
    if (this.#active === undefined) throw new IntentdError(workerGone, 'The engine was closed.');
    return this.#active.worker;
  }

  #retryLater(): void {
    const pauseMs = this.#retry.schedule(() => {
      this.#tryAgain().catch((error: unknown) => {
        this.#log.warn({ reason: messageOf(error) }, 'the preferred engine still fails');
        if (!this.closing.aborted) this.#retryLater();
      });
    });
    this.#log.warn({ pauseMs }, 'the preferred engine keeps failing; another serves until it is tried again');
  }

  async #tryAgain(): Promise<void> {
    if (this.#preferred !== undefined) await this.#hooks.tryAgain(this.#preferred);
  }

  async #beat(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    try {
      this.#residentKib = await active.worker.ping();
      const isWanted = this.#preferred === undefined || active.isPreferred;
      if (isWanted && this.#health.noteLife()) this.#retry.reset();
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the engine worker gave no sign of life');
    }
  }

  /** Asked anew after waiting. */
  #isClosed(): boolean {
    return this.closing.aborted;
  }
}
