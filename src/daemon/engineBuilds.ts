import { IntentdError, Turns, messageOf, type Logger } from '../base/index.js';
import type { BuildStatus, Engine, EngineReport, EngineSlot, Launch } from '../engine/index.js';

/** What is said of the engines, retained: PROTOCOL's `engine`. */
export interface EngineNews {
  readonly phase: 'building' | 'ready' | 'failed';
  readonly percent: number;
  readonly step: string;
  readonly etaSeconds?: number;
  /** The engine that serves, once one was built. */
  readonly report?: object;
}

/** An encoder whose engine is to be built. */
export interface BuildOrder {
  readonly slot: EngineSlot;
  /** The bundle to read the encoder from, at the time. */
  readonly folder: () => string;
  readonly launch: Launch;
  /** Tries the engine before it serves; throws where it must not. */
  readonly check: (next: Engine) => Promise<void>;
  /** Gives the build up. */
  readonly signal: AbortSignal;
}

export interface EngineBuildsOptions {
  readonly build: (
    folder: string,
    tell: (status: BuildStatus) => void,
    signal: AbortSignal,
  ) => Promise<EngineReport>;
  readonly tell: (news: EngineNews) => void;
  readonly log: Logger;
}

/** One line in the log for so many percent. */
const loggedPercent = 10;

/** Builds engines while others serve, one after the other, and lets each serve when it is there. */
export class EngineBuilds {
  readonly #options: EngineBuildsOptions;
  readonly #ordered = new Map<EngineSlot, Promise<EngineReport>>();
  readonly #turns = new Turns();
  #current: BuildStatus | undefined;
  #logged = '';

  constructor(options: EngineBuildsOptions) {
    this.#options = options;
  }

  /** How far the build is that is under way. */
  get current(): BuildStatus | undefined {
    return this.#current;
  }

  /**
   * Builds an encoder's engine and lets it serve; one that is ordered already is not ordered again.
   *
   * @throws IntentdError why it does not serve; it is told and logged, too
   */
  order(order: BuildOrder, tell?: (status: BuildStatus) => void): Promise<EngineReport> {
    const { slot } = order;
    const known = this.#ordered.get(slot);
    if (known !== undefined) return known;
    const mine = this.#turns.take(() => this.#attempt(order, tell));
    this.#ordered.set(slot, mine);
    return mine;
  }

  /**
   * Builds the engine of a bundle that does not serve yet, in its turn, and keeps it.
   *
   * @throws IntentdError why there is none; it is told and logged, too
   */
  prepare(folder: string, tell: (status: BuildStatus) => void, signal: AbortSignal): Promise<EngineReport> {
    return this.#turns.take(async () => {
      signal.throwIfAborted();
      try {
        const note = (status: BuildStatus): void => {
          this.#note(status);
          tell(status);
        };
        const report = await this.#options.build(folder, note, signal);
        this.#options.tell({ phase: 'ready', percent: 100, step: 'built, and not serving yet' });
        return report;
      } catch (error) {
        if (!signal.aborted) this.#failed(error);
        throw error;
      } finally {
        this.#current = undefined;
      }
    });
  }

  async #attempt(order: BuildOrder, tell?: (status: BuildStatus) => void): Promise<EngineReport> {
    try {
      return await this.#perform(order, tell);
    } catch (error) {
      if (!order.signal.aborted) this.#failed(error);
      throw error;
    } finally {
      this.#ordered.delete(order.slot);
      this.#current = undefined;
    }
  }

  async #perform(order: BuildOrder, tell?: (status: BuildStatus) => void): Promise<EngineReport> {
    const { slot, folder, launch, check, signal } = order;
    signal.throwIfAborted();
    const note = (status: BuildStatus): void => {
      this.#note(status);
      tell?.(status);
    };
    const report = await this.#options.build(folder(), note, signal);
    note({ step: 'letting the new engine serve', percent: 100, etaSeconds: 0 });
    await slot.swap(launch, check);
    this.#ready(report);
    return report;
  }

  #note(status: BuildStatus): void {
    const { step, percent, etaSeconds } = status;
    this.#current = status;
    this.#options.tell({
      phase: 'building',
      percent,
      step,
      ...(etaSeconds === null ? {} : { etaSeconds }),
    });
    const line = `${step} ${Math.floor(percent / loggedPercent)}`;
    if (line === this.#logged) return;
    this.#logged = line;
    this.#options.log.info({ percent, etaSeconds }, `the engine is being built: ${step}`);
  }

  #ready({ key, choice, candidates, totalMs }: EngineReport): void {
    const chosen = candidates.find(({ name }) => name === choice.name);
    const seconds = Math.round(totalMs / 1000);
    const report = { key, engine: choice.name, planBytes: chosen?.planBytes, seconds };
    this.#options.tell({ phase: 'ready', percent: 100, step: 'serving', report });
    this.#options.log.info({ ...report, reason: choice.reason }, 'the engine that was built serves');
  }

  #failed(error: unknown): void {
    const reason = messageOf(error);
    const code = error instanceof IntentdError ? error.code : 'internal';
    this.#options.tell({ phase: 'failed', percent: 100, step: reason });
    this.#options.log.error({ reason, code }, 'no engine was built; what serves goes on serving');
  }
}
