import { IntentdError, Turns, type Clock, type Logger } from '../../base/index.js';
import type { HeadWeights } from '../../model/index.js';
import type { Engine, EngineInfo, Inference, TokenBatch } from '../engine.js';
import { workerGone, type WorkerProcess } from '../worker/workerProcess.js';
import { ActiveWorker, type ActiveWorkerOptions, type Launch } from './activeWorker.js';
import { SlotHeads, type BroughtHeads } from './heads.js';

export type SlotOptions = ActiveWorkerOptions;

/**
 * The engine that serves, whichever worker holds it at the moment: the heads are loaded into the next worker,
 * what one that is gone was asked is asked once more, and another engine takes over without a gap.
 */
export class EngineSlot implements Engine {
  readonly #launch: Launch;
  readonly #log: Logger;
  readonly #onLost = new Set<(reason: string) => void>();
  readonly #heads = new SlotHeads();
  readonly #active: ActiveWorker;
  /** Changes of heads and handovers. */
  readonly #turns = new Turns();
  #started: Promise<void> | undefined;

  constructor(options: SlotOptions, clock: Clock, log: Logger) {
    this.#launch = options.launch;
    this.#log = log;
    const hooks = {
      prepare: (worker: WorkerProcess) => this.#heads.bringTo(worker, new Map()),
      takeOver: async (worker: WorkerProcess, preferred: Launch, signal: AbortSignal) => {
        await this.#letIn(worker, preferred, options.check, signal);
      },
      lost: (reason: string) => {
        for (const tell of this.#onLost) tell(reason);
      },
    };
    this.#active = new ActiveWorker(options, hooks, clock, log);
  }

  /**
   * Starts the engine that is always there, or the preferred one, and that in its place where it fails.
   *
   * @param meanwhile whether the one that is always there serves until the preferred one is ready, where memory
   *   holds both
   * @throws IntentdError what kept the first worker from starting
   */
  start(preferred?: Launch, meanwhile = false): Promise<void> {
    this.#started = this.#active.start(preferred, meanwhile);
    return this.#started;
  }

  /** Settles as the start did. */
  get started(): Promise<void> {
    return this.#started ?? Promise.reject(new IntentdError(workerGone, 'The engine was not started.'));
  }

  get info(): EngineInfo {
    return this.#active.info;
  }

  /** Workers that had to be replaced. */
  get restarts(): number {
    return this.#active.restarts;
  }

  /** Whether workers failed so often lately that it was told. */
  get failing(): boolean {
    return this.#active.failing;
  }

  /** Process id of the worker that serves; 0 while there is none. */
  get pid(): number {
    return this.#active.worker?.pid ?? 0;
  }

  /** Resident memory of the worker at its last sign of life, in KiB. */
  get residentKib(): number {
    return this.#active.residentKib;
  }

  /** Asks the worker for its resident memory, in KiB. */
  measureKib(): Promise<number> {
    return this.#retryOnce((worker) => worker.ping());
  }

  /** Tells whenever a worker that served is gone, until what this returns is called. */
  onLost(tell: (reason: string) => void): () => void {
    this.#onLost.add(tell);
    return () => this.#onLost.delete(tell);
  }

  infer(batch: TokenBatch, head: string): Promise<Inference> {
    return this.#retryOnce((worker) => worker.infer(batch, head));
  }

  embed(batch: TokenBatch): Promise<Float32Array> {
    return this.#retryOnce((worker) => worker.embed(batch));
  }

  loadHead(name: string, head: HeadWeights): Promise<void> {
    return this.#turns.take(async () => {
      await this.#retryOnce((worker) => worker.loadHead(name, head));
      this.#heads.set(name, head);
    });
  }

  dropHead(name: string): Promise<void> {
    return this.#turns.take(async () => {
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
  swap(launch: Launch, check?: (next: Engine) => Promise<void>): Promise<void> {
    return this.#swap(launch, launch, check);
  }

  /**
   * Lets the engine that is always there serve in place of the preferred one, whose worker ends after its last
   * answers, and which is not tried again before it is swapped in.
   *
   * @throws IntentdError why it does not serve; then all is as it was
   */
  async fallBack(): Promise<void> {
    if (this.#active.isPreferred) await this.#swap(this.#launch, undefined);
  }

  async #swap(
    launch: Launch,
    preferred: Launch | undefined,
    check?: (next: Engine) => Promise<void>,
  ): Promise<void> {
    this.#active.closing.throwIfAborted();
    const next = await launch(this.#active.closing);
    try {
      await this.#letIn(next, preferred, check);
    } catch (error) {
      next.kill('it is not let in');
      throw error;
    }
  }

  async #letIn(
    next: WorkerProcess,
    preferred: Launch | undefined,
    check?: (next: Engine) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const brought: BroughtHeads = new Map();
    await this.#heads.bringTo(next, brought);
    await check?.(next);
    await this.#handOver(next, brought, preferred, signal);
  }

  close(): Promise<void> {
    return this.#active.close();
  }

  async #retryOnce<T>(work: (worker: WorkerProcess) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#active.current());
    } catch (error) {
      const isGone = error instanceof IntentdError && error.code === workerGone;
      if (!isGone || this.#active.closing.aborted) throw error;
      return await work(await this.#active.current());
    }
  }

  /** No head changes between the last one that the new worker is brought and its first request. */
  #handOver(
    next: WorkerProcess,
    brought: BroughtHeads,
    preferred: Launch | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#turns.take(async () => {
      await this.#heads.bringTo(next, brought);
      signal?.throwIfAborted();
      this.#active.closing.throwIfAborted();
      const old = this.#active.succeed(next, preferred);
      this.#log.info({ engine: next.info.kind, pid: next.pid }, 'the next engine serves');
      if (old !== undefined) void this.#retire(old);
    });
  }

  /** Ends a worker after its last answers; what it loses meanwhile is asked again of the one that serves. */
  async #retire(old: WorkerProcess): Promise<void> {
    await old.drained();
    await old.close();
  }
}
