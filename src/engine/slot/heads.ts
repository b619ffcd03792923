import type { HeadWeights } from '../../model/index.js';
import type { Engine } from '../engine.js';

/** The heads that were brought to one worker. */
export type BroughtHeads = Map<string, HeadWeights>;

/** The heads that a slot serves with, whichever worker holds them at the moment. */
export class SlotHeads {
  readonly #heads = new Map<string, HeadWeights>();

  set(name: string, head: HeadWeights): void {
    this.#heads.set(name, head);
  }

  delete(name: string): void {
    this.#heads.delete(name);
  }

  /** Loads and drops, on a worker, what changed since heads were last brought to it. */
  async bringTo(worker: Pick<Engine, 'loadHead' | 'dropHead'>, brought: BroughtHeads): Promise<void> {
    for (const name of [...brought.keys()].filter((one) => !this.#heads.has(one))) {
      await worker.dropHead(name);
      brought.delete(name);
    }
    for (const [name, head] of this.#heads) {
      if (brought.get(name) === head) continue;
      await worker.loadHead(name, head);
      brought.set(name, head);
    }
  }
}
