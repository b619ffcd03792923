import { IntentdError, messageOf, type Clock, type Logger } from '../base/index.js';
import type { HeadWeights } from '../model/index.js';
import type { Engine, EngineInfo, Inference, TokenBatch } from './engine.js';
import { FailureCount } from './failureCount.js';
import { workerGone, type WorkerProcess } from './worker/workerProcess.js';

/** Starts the next generation's worker; the signal ends one that is not ready yet. */
export type Launch = (signal: AbortSignal) => Promise<WorkerProcess>;

export interface SlotOptions {
  /** The engine that is always there. */
  readonly launch: Launch;
  /** Time between two signs of life asked of the worker, in milliseconds. */
  readonly heartbeatMs: number;
  /** First pause before a preferred engine that kept failing is tried again, in ms; 30,000 if absent. */
  readonly retryMs?: number;
  /** Called after the third failure within five minutes, and when the worker held for as long again. */
  readonly onHealth?: (health: 'well' | 'failing') => void;
  /** Called when another kind of engine serves than before. */
  readonly onServing?: (info: EngineInfo) => void;
}

const longestRetryMs = 30 * 60_000;

/**
 * The engine that serves, whichever worker holds it at the moment: a worker that dies, hangs or talks
 * nonsense is replaced, its heads are loaded into the next one, and what it was asked is asked once more.
 *
 * Where a preferred engine was swapped in and keeps failing, the one that is always there serves, and the
 * preferred one is tried again after pauses that grow.
 */
export class EngineSlot implements Engine {
  readonly #options: SlotOptions;
  readonly #log: Logger;
  readonly #heads = new Map<string, HeadWeights>();
  readonly #always: FailureCount;
  readonly #preferredFailures: FailureCount;
  #preferred: Launch | undefined;
  #info: EngineInfo | undefined;
  #worker: Promise<WorkerProcess> | undefined;
  #active: { readonly worker: WorkerProcess; readonly isPreferred: boolean } | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retries = 0;
  #failing = false;
  #restarts = 0;
  #residentKib = 0;
  readonly #closing = new AbortController();
  #started: Promise<void> | undefined;
  /** Changes of heads and handovers, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SlotOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#log = log;
    this.#always = new FailureCount(clock);
    this.#preferredFailures = new FailureCount(clock);
  }

  /**
   * Starts the engine that is always there, or the preferred one, and that in its place where it fails.
   *
   * @throws IntentdError what kept the first worker from starting
   */
  start(preferred?: Launch): Promise<void> {
    this.#preferred = preferred;
    this.#started = this.#start();
    return this.#started;
  }

  /** Settles as the start did. */
  get started(): Promise<void> {
    return this.#started ?? Promise.reject(new IntentdError(workerGone, 'The engine was not started.'));
  }

  async #start(): Promise<void> {
    this.#worker = this.#preferred === undefined ? this.#first() : this.#replace();
    await this.#worker;
    this.#checkOpen();
    this.#heartbeat = setInterval(() => {
      void this.#beat();
    }, this.#options.heartbeatMs);
  }

  async #first(): Promise<WorkerProcess> {
    const worker = await this.#options.launch(this.#closing.signal);
    if (this.#isClosed()) return await this.#superseded(worker);
    this.#adopt(worker, false);
    return worker;
  }

  get info(): EngineInfo {
    return this.#info!;
  }

  /** Workers that had to be replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Whether workers failed so often lately that it was told. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Process id of the worker that serves; 0 while there is none. */
  get pid(): number {
    return this.#active?.worker.pid ?? 0;
  }

  /** Resident memory of the worker at its last sign of life, in KiB. */
  get residentKib(): number {
    return this.#residentKib;
  }

  infer(batch: TokenBatch, head: string): Promise<Inference> {
    return this.#retryOnce((worker) => worker.infer(batch, head));
  }

  embed(batch: TokenBatch): Promise<Float32Array> {
    return this.#retryOnce((worker) => worker.embed(batch));
  }

  loadHead(name: string, head: HeadWeights): Promise<void> {
    return this.#inTurn(async () => {
      await this.#retryOnce((worker) => worker.loadHead(name, head));
      this.#heads.set(name, head);
    });
  }

  dropHead(name: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#heads.delete(name);
      await this.#retryOnce((worker) => worker.dropHead(name));
    });
  }

  /**
   * Makes a preferred engine serve from now on: starts its worker beside the one that serves, loads the
   * heads, lets `check` try it, moves the traffic, and ends the old worker after its last answers.
   *
   * @param check what it throws keeps the new engine out
   * @throws IntentdError why it does not serve; then all is as it was
   */
  async swap(launch: Launch, check?: (next: Engine) => Promise<void>): Promise<void> {
    this.#checkOpen();
    const next = await launch(this.#closing.signal);
    try {
      const loaded = new Map<string, HeadWeights>();
      await this.#bringHeads(next, loaded);
      await check?.(next);
      await this.#handOver(next, loaded, launch);
    } catch (error) {
      next.kill('it is not let in');
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new IntentdError(workerGone, 'The engine was closed.'));
    clearInterval(this.#heartbeat);
    clearTimeout(this.#retry);
    await this.#active?.worker.close();
  }

  async #retryOnce<T>(work: (worker: WorkerProcess) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#current());
    } catch (error) {
      if (!(error instanceof IntentdError) || error.code !== workerGone || this.#isClosed()) throw error;
      return await work(await this.#current());
    }
  }

  #current(): Promise<WorkerProcess> {
    return this.#worker ?? Promise.reject(new IntentdError(workerGone, 'The engine was not started.'));
  }

  /** Loads the heads that changed since they were last brought to this worker. */
  async #bringHeads(worker: WorkerProcess, loaded: Map<string, HeadWeights>): Promise<void> {
    for (const name of [...loaded.keys()].filter((one) => !this.#heads.has(one))) {
      await worker.dropHead(name);
      loaded.delete(name);
    }
    for (const [name, head] of this.#heads) {
      if (loaded.get(name) === head) continue;
      await worker.loadHead(name, head);
      loaded.set(name, head);
    }
  }

  /** No head changes between the last one that the new worker is brought and its first request. */
  #handOver(next: WorkerProcess, loaded: Map<string, HeadWeights>, launch: Launch): Promise<void> {
    return this.#inTurn(async () => {
      await this.#bringHeads(next, loaded);
      this.#checkOpen();
      const old = this.#active?.worker;
      clearTimeout(this.#retry);
      this.#preferred = launch;
      this.#adopt(next, true);
      this.#worker = Promise.resolve(next);
      this.#log.info({ engine: next.info.kind, pid: next.pid }, 'the next engine serves');
      if (old !== undefined) void this.#retire(old);
    });
  }

  /** Ends a worker after its last answers; what it loses meanwhile is asked again of the one that serves. */
  async #retire(old: WorkerProcess): Promise<void> {
    await old.drained();
    await old.close();
  }

  #adopt(worker: WorkerProcess, isPreferred: boolean): void {
    const before = this.#info?.kind;
    this.#active = { worker, isPreferred };
    this.#info = worker.info;
    if (before !== undefined && before !== worker.info.kind) this.#options.onServing?.(worker.info);
    void worker.gone.then((reason) => {
      if (this.#isClosed() || this.#active?.worker !== worker) return;
      this.#active = undefined;
      this.#restarts += 1;
      this.#log.warn({ reason }, 'the engine worker ended; starting the next one');
      this.#noteFailure(isPreferred);
      this.#worker = this.#replace();
      // Whoever waits for it sees its failure; it is logged where it happens.
      this.#worker.catch(() => undefined);
    });
  }

  async #replace(): Promise<WorkerProcess> {
    for (let attempt = 0, before: unknown; !this.#isClosed(); attempt += 1) {
      const preferred = this.#preferredFailures.tooMany ? undefined : this.#preferred;
      if (attempt > 0 && preferred === before) await pause(Math.min(5000, 100 * 2 ** attempt));
      before = preferred;
      try {
        return await this.#startNext(preferred);
      } catch (error) {
        if (this.#isClosed()) break;
        this.#log.error({ reason: messageOf(error) }, 'the next engine worker did not start');
        this.#noteFailure(preferred !== undefined);
      }
    }
    throw new IntentdError(workerGone, 'The engine was closed.');
  }

  async #startNext(preferred: Launch | undefined): Promise<WorkerProcess> {
    const worker = await (preferred ?? this.#options.launch)(this.#closing.signal);
    await this.#bringHeads(worker, new Map());
    // Another one was swapped in while this one started: it serves, and this one is not needed.
    if (this.#active !== undefined || this.#isClosed()) return await this.#superseded(worker);
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
    const { retryMs = 30_000 } = this.#options;
    const pauseMs = Math.min(longestRetryMs, retryMs * 2 ** this.#retries);
    this.#retries += 1;
    this.#log.warn({ pauseMs }, 'the preferred engine keeps failing; another serves until it is tried again');
    this.#retry = setTimeout(() => {
      this.#tryAgain().catch((error: unknown) => {
        this.#log.warn({ reason: messageOf(error) }, 'the preferred engine still fails');
        if (!this.#isClosed()) this.#retryLater();
      });
    }, pauseMs);
  }

  async #tryAgain(): Promise<void> {
    if (this.#preferred !== undefined) await this.swap(this.#preferred);
  }

  #noteFailure(isPreferred: boolean): void {
    const count = isPreferred ? this.#preferredFailures : this.#always;
    count.note();
    if (count.tooMany) this.#setFailing(true);
  }

  async #beat(): Promise<void> {
    const active = this.#active;
    if (active === undefined) return;
    try {
      this.#residentKib = await active.worker.ping();
      if (this.#always.none && (this.#preferred === undefined || this.#isPreferredWell())) {
        this.#retries = 0;
        this.#setFailing(false);
      }
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the engine worker gave no sign of life');
    }
  }

  #isPreferredWell(): boolean {
    return this.#active?.isPreferred === true && this.#preferredFailures.none;
  }

  #setFailing(failing: boolean): void {
    if (failing === this.#failing) return;
    this.#failing = failing;
    this.#options.onHealth?.(failing ? 'failing' : 'well');
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** @throws IntentdError `worker_gone` */
  #checkOpen(): void {
    this.#closing.signal.throwIfAborted();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
