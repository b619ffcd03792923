import type { RequestRow } from '../row.js';
import type { Telemetry } from '../telemetry.js';
import type { AgentCounters, AgentView } from '../web/agentView.js';
import type { Exposition } from './exposition.js';
import { RequestMeters } from './requestMeters.js';

export interface MetricSources {
  readonly telemetry: Pick<Telemetry, 'energy' | 'railsMw' | 'powerState' | 'requestLog'>;
  readonly agent: () => AgentView;
  readonly counters: () => AgentCounters;
}

/** Counts requests from the start on, and writes all metrics of the agent when they are asked for. */
export class Metrics {
  readonly #sources: MetricSources;
  readonly #requests = new RequestMeters();
  /** A counter never falls, though noise may take back some of the energy of the last samples. */
  #requestsMj = 0;

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  note(row: RequestRow): void {
    this.#requests.note(row);
  }

  /** The modules that write it are loaded with the first question. */
  async exposition(): Promise<Exposition> {
    const [{ exposition }, { families }, { processFamilies }] = await Promise.all([
      import('./exposition.js'),
      import('./families.js'),
      import('./processFamilies.js'),
    ]);
    const { agent, counters, telemetry } = this.#sources;
    this.#requestsMj = Math.max(this.#requestsMj, telemetry.energy.attributedMj);
    const own = families({
      agent: agent(),
      counters: counters(),
      requests: this.#requests,
      telemetry,
      requestsMj: this.#requestsMj,
    });
    return exposition([...own, ...(await processFamilies())]);
  }
}
