import type { WorkerProcess } from '../worker/workerProcess.js';

/** The place of the worker that serves, while there is none: several may be on their way, and the first fills it. */
export class Vacancy {
  readonly #over = new AbortController();
  /** The worker that came first. */
  readonly filled: Promise<WorkerProcess>;
  fill: (worker: WorkerProcess) => void = () => undefined;
  fail: (reason: unknown) => void = () => undefined;

  constructor() {
    this.filled = new Promise((resolve, reject) => {
      this.fill = (worker) => {
        resolve(worker);
        this.#over.abort();
      };
      this.fail = (reason) => {
        reject(reason instanceof Error ? reason : new Error(String(reason)));
        this.#over.abort();
      };
    });
    // Whoever waits for it sees its failure; it is logged where it happens.
    this.filled.catch(() => undefined);
  }

  /** Whether nothing came of it yet. */
  get isOpen(): boolean {
    return !this.#over.signal.aborted;
  }

  /** Aborts when a worker on its way is not needed any more. */
  get over(): AbortSignal {
    return this.#over.signal;
  }
}
