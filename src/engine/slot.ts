import { IntentdError, messageOf, type Clock, type Logger } from '../base/index.js';
import type { HeadWeights } from '../model/index.js';
import type { Engine, EngineInfo, Inference, TokenBatch } from './engine.js';
import { workerGone, type WorkerProcess } from './worker/workerProcess.js';

export interface SlotOptions {
  /** Starts the next generation's worker. */
  readonly launch: () => Promise<WorkerProcess>;
  /** Time between two signs of life asked of the worker, in milliseconds. */
  readonly heartbeatMs: number;
  /** Called after the third failure within five minutes, and when the worker held for as long again. */
  readonly onHealth?: (health: 'well' | 'failing') => void;
}

const failuresThatMatter = 3;
const failureWindowMs = 5 * 60_000;

/**
 * The engine that serves, whichever worker holds it at the moment: a worker that dies, hangs or talks
 * nonsense is replaced, its heads are loaded into the next one, and what it was asked is asked once more.
 */
export class EngineSlot implements Engine {
  readonly #options: SlotOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #heads = new Map<string, HeadWeights>();
  #info: EngineInfo | undefined;
  #worker: Promise<WorkerProcess> | undefined;
  #active: WorkerProcess | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #failures: number[] = [];
  #failing = false;
  #restarts = 0;
  #residentKib = 0;
  #closed = false;
  #started: Promise<void> | undefined;

  constructor(options: SlotOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws IntentdError what kept the first worker from starting */
  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  /** Settles as the start did. */
  get started(): Promise<void> {
    return this.#started ?? Promise.reject(new IntentdError(workerGone, 'The engine was not started.'));
  }

  async #start(): Promise<void> {
    const first = this.#options.launch();
    this.#worker = first;
    this.#adopt(await first);
    this.#heartbeat = setInterval(() => {
      void this.#beat();
    }, this.#options.heartbeatMs);
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
    return this.#active?.pid ?? 0;
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

  async loadHead(name: string, head: HeadWeights): Promise<void> {
    await this.#retryOnce((worker) => worker.loadHead(name, head));
    this.#heads.set(name, head);
  }

  async dropHead(name: string): Promise<void> {
    this.#heads.delete(name);
    await this.#retryOnce((worker) => worker.dropHead(name));
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    await this.#active?.close();
  }

  async #retryOnce<T>(work: (worker: WorkerProcess) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#current());
    } catch (error) {
      if (!(error instanceof IntentdError) || error.code !== workerGone || this.#closed) throw error;
      return await work(await this.#current());
    }
  }

  #current(): Promise<WorkerProcess> {
    return this.#worker ?? Promise.reject(new IntentdError(workerGone, 'The engine was not started.'));
  }

  #adopt(worker: WorkerProcess): void {
    this.#active = worker;
    this.#info = worker.info;
    void worker.gone.then((reason) => {
      if (this.#closed) return;
      this.#active = undefined;
      this.#restarts += 1;
      this.#log.warn({ reason }, 'the engine worker ended; starting the next one');
      this.#worker = this.#replace();
      // Whoever waits for it sees its failure; it is logged where it happens.
      this.#worker.catch(() => undefined);
    });
  }

  async #replace(): Promise<WorkerProcess> {
    for (let attempt = 0; !this.#closed; attempt += 1) {
      this.#noteFailure();
      if (attempt > 0)
        await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 100 * 2 ** attempt)));
      try {
        const worker = await this.#options.launch();
        for (const [name, head] of this.#heads) await worker.loadHead(name, head);
        this.#adopt(worker);
        this.#log.info({ pid: worker.pid }, 'the next engine worker serves');
        return worker;
      } catch (error) {
        this.#log.error({ reason: messageOf(error) }, 'the next engine worker did not start');
      }
    }
    throw new IntentdError(workerGone, 'The engine was closed.');
  }

  #noteFailure(): void {
    const now = this.#clock.now();
    this.#failures = [...this.#failures.filter((at) => now - at < failureWindowMs), now];
    this.#setFailing(this.#failures.length >= failuresThatMatter);
  }

  async #beat(): Promise<void> {
    const worker = this.#active;
    if (worker === undefined) return;
    try {
      this.#residentKib = await worker.ping();
      const now = this.#clock.now();
      this.#failures = this.#failures.filter((at) => now - at < failureWindowMs);
      if (this.#failures.length === 0) this.#setFailing(false);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the engine worker gave no sign of life');
    }
  }

  #setFailing(failing: boolean): void {
    if (failing === this.#failing) return;
    this.#failing = failing;
    this.#options.onHealth?.(failing ? 'failing' : 'well');
  }
}
