import type { Outcome, Utterance } from '../../base/index.js';
import type { Trace } from '../../requests/index.js';
import { Conduct } from './conduct.js';
import type { Mirror } from './mirror.js';

/** Real requests, once they are answered: what is known of how models do with them, and who is given copies. */
export class Traffic {
  readonly conduct = new Conduct();
  readonly #mirrors = new Set<Mirror>();

  /** A request was answered or refused, and its answer is out. */
  note(utterance: Utterance, outcome: Outcome, trace: Trace): void {
    this.conduct.note(outcome, trace);
    for (const mirror of this.#mirrors) mirror.note(utterance, outcome, trace);
  }

  /** Copies requests from now on, until what this returns is called. */
  copyTo(mirror: Mirror): () => void {
    this.#mirrors.add(mirror);
    return () => this.#mirrors.delete(mirror);
  }
}
