import type { Clock } from '../../base/index.js';
import { FailureCount } from './failureCount.js';

export type Health = 'well' | 'failing';

/** How often the workers of a slot failed lately, those of the preferred engine and the others apart. */
export class SlotHealth {
  readonly #tell: (health: Health) => void;
  readonly #always: FailureCount;
  readonly #preferred: FailureCount;
  #failing = false;

  /** @param tell called after the third failure within five minutes, and when there was none for as long */
  constructor(clock: Clock, tell: (health: Health) => void) {
    this.#tell = tell;
    this.#always = new FailureCount(clock);
    this.#preferred = new FailureCount(clock);
  }

  /** Whether workers failed so often lately that it was told. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Whether the preferred engine failed too often to be started again at once. */
  get avoidsPreferred(): boolean {
    return this.#preferred.tooMany;
  }

  noteFailure(isPreferred: boolean): void {
    const count = isPreferred ? this.#preferred : this.#always;
    count.note();
    if (count.tooMany) this.#set(true);
  }

  /**
   * Notes a sign of life of the worker that is wanted.
   *
   * @returns whether nothing failed for five minutes
   */
  noteLife(): boolean {
    const isWell = this.#always.none && this.#preferred.none;
    if (isWell) this.#set(false);
    return isWell;
  }

  #set(failing: boolean): void {
    if (failing === this.#failing) return;
    this.#failing = failing;
    this.#tell(failing ? 'failing' : 'well');
  }
}
