import type { Logger } from '../../base/index.js';
import type { Telemetry } from '../../telemetry/index.js';
import type { Ended, UpdateView } from '../../update/index.js';

/** Keeps the steps of updates in the log and the database. */
export class UpdateHistory {
  readonly #telemetry: Pick<Telemetry, 'noteUpdate'>;
  readonly #log: Logger;
  #last = 'idle';

  constructor(telemetry: Pick<Telemetry, 'noteUpdate'>, log: Logger) {
    this.#telemetry = telemetry;
    this.#log = log;
  }

  /** Notes a phase when it begins. */
  changed({ phase, family, version }: UpdateView): void {
    if (phase === this.#last) return;
    this.#last = phase;
    if (phase === 'idle') return;
    this.#log.info({ phase, model: family, version }, 'an update goes on');
    this.#telemetry.noteUpdate({ phase, version, detail: { model: family } });
  }

  /** Notes how an update ended, with why and what was measured. */
  ended({ outcome, family, version, replaced, phase, failure, figures }: Ended): void {
    const detail = { model: family, replaced, endedIn: phase, failure, figures };
    this.#telemetry.noteUpdate({ phase: outcome, version, detail });
  }
}
