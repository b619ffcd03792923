import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerProcess } from '../worker/workerProcess.js';
import type { Launch } from './activeWorker.js';
import type { Vacancy } from './vacancy.js';

export interface StandInOptions {
  readonly launch: Launch;
  /** Makes a worker ready to serve, before it does. */
  readonly prepare: (worker: WorkerProcess) => Promise<void>;
  readonly serve: (worker: WorkerProcess) => void;
  /** A worker did not start, perhaps for the vacancy is filled; the next one is tried while it is open. */
  readonly onFailed: (error: unknown, vacancy: Vacancy) => void;
}

const longestPauseMs = 5000;

/** The engine that is always there, where a vacancy is to be filled: tried until it serves or another one does. */
export class StandIn {
  readonly #options: StandInOptions;
  #vacancy: Vacancy | undefined;

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  /** Fills the vacancy, unless another worker does before; one that is being filled is left to that. */
  fill(vacancy: Vacancy): void {
    if (this.#vacancy === vacancy) return;
    this.#vacancy = vacancy;
    void this.#attempts(vacancy);
  }

  async #attempts(vacancy: Vacancy): Promise<void> {
    for (let attempt = 1; vacancy.isOpen; attempt += 1) {
      try {
        await this.#attempt(vacancy);
      } catch (error) {
        this.#options.onFailed(error, vacancy);
        await sleep(Math.min(longestPauseMs, 100 * 2 ** attempt));
      }
    }
  }

  async #attempt(vacancy: Vacancy): Promise<void> {
    const worker = await this.#options.launch(vacancy.over);
    try {
      await this.#options.prepare(worker);
    } catch (error) {
      worker.kill('it could not be made ready');
      throw error;
    }
    if (vacancy.isOpen) this.#options.serve(worker);
    else await worker.close();
  }
}
