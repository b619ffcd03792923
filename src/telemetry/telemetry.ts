import type { Clock, Logger } from '../base/index.js';
import type { BatchCost, BatchWork, EnergyTotals } from './energy/index.js';
import { Metering, type MeterReport } from './metering.js';
import type { PowerState } from './meter/powerState.js';
import type { DetectOptions } from './meter/detect.js';
import { RecentRequests } from './recent.js';
import { RequestLog, type RequestLogOptions } from './requestLog.js';
import type { RequestRow } from './row.js';
import type { Note } from './store/notes.js';

export interface TelemetryOptions {
  /** Without it no row is kept and nothing is measured. */
  readonly enabled: boolean;
  readonly requestLog: RequestLogOptions;
  readonly meter: DetectOptions;
}

/** An engine that was built, or was to be. */
export interface BuildNote {
  /** What it is an engine of and by what, such as `tensorrt 3f2a… int8`. */
  readonly engine: string;
  readonly outcome: 'built' | 'cached' | 'failed' | 'refused';
  /** How long it took; `null` where nothing was built. */
  readonly seconds: number | null;
  /** The report, or why it failed: kept as JSON where it is an object. */
  readonly detail?: unknown;
}

/** A step of an update. */
export interface UpdateNote {
  /** As the update's own state names it, such as `downloading`, `active`, `rolled-back`. */
  readonly phase: string;
  readonly version: string | null;
  /** What more there is to say, above all why it failed. */
  readonly detail?: unknown;
}

/** What every answer cost: rows of requests with their energy, power over time, and figures of the last seconds. */
export class Telemetry {
  readonly #options: TelemetryOptions;
  readonly #clock: Clock;
  readonly #metering: Metering;
  readonly requestLog: RequestLog;
  readonly recent: RecentRequests;
  readonly #watchers: ((row: RequestRow) => void)[] = [];

  constructor(options: TelemetryOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.requestLog = new RequestLog(options.requestLog, clock, log);
    this.recent = new RecentRequests(clock.now());
    const note = (note: Note): void => {
      this.#note(note);
    };
    this.#metering = new Metering(options.meter, note, clock, log);
  }

  get meter(): MeterReport {
    return this.#metering.report;
  }

  /** Where the meter's energy went since the start. */
  get energy(): EnergyTotals & { readonly idleFloorMw: number | undefined } {
    return this.#metering.energy;
  }

  /** Mean power of the last whole second by rail, `total` among them, in mW; empty where nothing measures. */
  get railsMw(): ReadonlyMap<string, number> {
    return this.#metering.railsMw;
  }

  get powerState(): PowerState | null {
    return this.#metering.powerState;
  }

  /** Calls back with every request from now on, when its row is kept: its energy is known then. */
  watch(watcher: (row: RequestRow) => void): void {
    this.#watchers.push(watcher);
  }

  start(): void {
    if (!this.#options.enabled) return;
    this.requestLog.start();
    this.noteEvent('start');
    void this.#metering.start();
  }

  /** Takes a request that was answered; its energy follows when the samples are in. */
  record(row: RequestRow, batch?: BatchWork): void {
    if (batch === undefined || !this.#metering.measures) {
      this.#keep(row);
      return;
    }
    this.#metering.whenSettled(batch, (cost) => {
      this.#keep(this.#measured(row, batch, cost));
    });
  }

  /** A batch goes to an engine. */
  began(tokens: number, size: number): BatchWork {
    return this.#metering.began(tokens, size);
  }

  /** It came back, or failed. */
  ended(batch: BatchWork): void {
    this.#metering.ended(batch);
  }

  /** What a batch drew, once the samples are in; `null` where nothing measured it. */
  costOf(batch: BatchWork): Promise<BatchCost | null> {
    return this.#metering.costOf(batch);
  }

  /** Energy of so many tokens of a batch that just ended, in mJ, from what such batches drew lately. */
  estimateMj(batch: BatchWork, tokens: number): number | null {
    return this.#metering.estimateMj(batch, tokens);
  }

  /** Keeps that an engine was built, or could not be, with the next commit. */
  noteBuild({ engine, outcome, seconds, detail = null }: BuildNote): void {
    this.#note({ table: 'engine_build', time: this.#clock.wall(), engine, outcome, seconds, detail });
  }

  /** Keeps a step of an update with the next commit. */
  noteUpdate({ phase, version, detail = null }: UpdateNote): void {
    this.#note({ table: 'update_event', time: this.#clock.wall(), phase, version, detail });
  }

  /**
   * Keeps what happened to the agent with the next commit.
   *
   * @param kind one word, such as `start`, `degraded`, `worker-restarted`: what people will search for
   * @param detail kept as JSON where it is an object
   */
  noteEvent(kind: string, detail: unknown = null): void {
    this.#note({ table: 'event', time: this.#clock.wall(), kind, detail });
  }

  /** Stops measuring, keeps what waits, and closes. */
  async stop(): Promise<void> {
    this.#metering.stop();
    this.noteEvent('stop');
    await this.requestLog.stop();
  }

  #note(note: Note): void {
    if (this.#options.enabled) this.requestLog.note(note);
  }

  #keep(row: RequestRow): void {
    this.recent.note(row);
    for (const watcher of this.#watchers) watcher(row);
    if (this.#options.enabled) this.requestLog.record(row);
  }

  #measured(row: RequestRow, batch: BatchWork, cost: BatchCost | null): RequestRow {
    const { meter } = this.#metering.report;
    if (cost === null || meter === null) return row;
    const share = row.tokens / batch.tokens;
    return {
      ...row,
      energyMj: cost.energyMj * share,
      aboveIdleMj: cost.aboveIdleMj === null ? null : cost.aboveIdleMj * share,
      energyHow: cost.how,
      meter: meter.kind,
      sampleMs: meter.sampleMs,
    };
  }
}
