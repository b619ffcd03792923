import type { Clock, Logger } from '../base/index.js';
import {
  BusyPower,
  EnergyLedger,
  Intervals,
  type BatchCost,
  type BatchWork,
  type EnergyTotals,
} from './energy/index.js';
import { readPowerState, systemPowerStateFiles, type PowerState } from './meter/powerState.js';
import type { Detected, Meter, MeterInfo, MeterListener, Sample } from './meter/meter.js';
import type { DetectOptions } from './meter/detect.js';
import { PowerHistory } from './powerHistory.js';
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

/** What measures energy here, or why nothing does. */
export interface MeterReport {
  readonly meter: (MeterInfo & { readonly sampleMs: number }) | null;
  /** Why there is none, or why it is silent at present; `null` where all is well. */
  readonly fault: string | null;
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

/** Samples further apart than this tell nothing of the time between them, in ms. */
const maxGapMs = 2500;
const tidyMs = 1000;
/** A batch whose samples have not come for so long is not measured. */
const lateMs = 5000;
const stateEveryMs = 10_000;

/** What every answer cost: rows of requests with their energy, power over time, and figures of the last seconds. */
export class Telemetry {
  readonly #options: TelemetryOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly requestLog: RequestLog;
  readonly recent: RecentRequests;
  readonly #ledger = new EnergyLedger();
  readonly #intervals = new Intervals(maxGapMs);
  readonly #busyPower = new BusyPower();
  readonly #running = new WeakMap<
    BatchWork,
    { readonly at: number; readonly size: number; endedAt: number }
  >();
  readonly #watchers: ((row: RequestRow) => void)[] = [];
  #history: PowerHistory | undefined;
  #meter: Meter | undefined;
  #fault: string | null = 'the meter is being looked for';
  #state: PowerState | null = null;
  #readingState = false;
  #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(options: TelemetryOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.requestLog = new RequestLog(options.requestLog, clock, log);
    this.recent = new RecentRequests(clock.now());
  }

  get meter(): MeterReport {
    const meter =
      this.#meter === undefined ? null : { ...this.#meter.info, sampleMs: this.#meter.intervalMs };
    return { meter, fault: this.#fault };
  }

  /** Where the meter's energy went since the start. */
  get energy(): EnergyTotals & { readonly idleFloorMw: number | undefined } {
    return { ...this.#ledger.totals, idleFloorMw: this.#ledger.idleFloorMw };
  }

  /** Mean power of the last whole second by rail, `total` among them, in mW; empty where nothing measures. */
  get railsMw(): ReadonlyMap<string, number> {
    return this.#history?.latestMw ?? new Map<string, number>();
  }

  get powerState(): PowerState | null {
    return this.#state;
  }

  /** Calls back with every request from now on, when its row is kept: its energy is known then. */
  watch(watcher: (row: RequestRow) => void): void {
    this.#watchers.push(watcher);
  }

  start(): void {
    if (!this.#options.enabled) return;
    this.requestLog.start();
    this.noteEvent('start');
    void this.#findMeter();
  }

  /** Takes a request that was answered; its energy follows when the samples are in. */
  record(row: RequestRow, batch?: BatchWork): void {
    if (batch === undefined || this.#meter === undefined) {
      this.#keep(row);
      return;
    }
    if (this.#fault !== null) this.#giveUpAll();
    this.#ledger.whenSettled(batch, (cost) => {
      this.#keep(this.#measured(row, batch, cost));
    });
  }

  /** A batch goes to an engine. */
  began(tokens: number, size: number): BatchWork {
    const at = this.#clock.now();
    if (this.#meter === undefined) return { tokens };
    const batch = this.#ledger.begin(tokens, at);
    const running = { at, size, endedAt: at };
    this.#running.set(batch, running);
    this.#ledger.whenSettled(batch, (cost) => {
      if (cost !== null) this.#busyPower.note(size, cost.energyMj, running.endedAt - at);
    });
    return batch;
  }

  /** It came back, or failed. */
  ended(batch: BatchWork): void {
    const known = this.#running.get(batch);
    if (known === undefined) return;
    known.endedAt = this.#clock.now();
    this.#ledger.end(batch, known.endedAt);
  }

  /** What a batch drew, idle power included, in mJ, once the samples are in; `null` where nothing measured it. */
  costMj(batch: BatchWork): Promise<number | null> {
    if (!this.#running.has(batch)) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#ledger.whenSettled(batch, (cost) => {
        resolve(cost?.energyMj ?? null);
      });
    });
  }

  /** Energy of so many tokens of a batch that just ended, in mJ, from what such batches drew lately. */
  estimateMj(batch: BatchWork, tokens: number): number | null {
    const known = this.#running.get(batch);
    if (known === undefined || this.#fault !== null) return null;
    const energy = this.#busyPower.estimate(known.size, known.endedAt - known.at);
    return energy === null ? null : (energy * tokens) / batch.tokens;
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
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#meter?.stop();
    this.#ledger.close();
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
    if (cost === null) return row;
    const share = row.tokens / batch.tokens;
    return {
      ...row,
      energyMj: cost.energyMj * share,
      aboveIdleMj: cost.aboveIdleMj === null ? null : cost.aboveIdleMj * share,
      energyHow: cost.how,
      meter: this.#meter!.info.kind,
      sampleMs: this.#meter!.intervalMs,
    };
  }

  async #findMeter(): Promise<void> {
    const { detectMeter } = await import('./meter/detect.js');
    const now = (): number => this.#clock.now();
    const detected: Detected = await detectMeter(this.#options.meter, now);
    if (detected.meter === null) {
      this.#fault = detected.reason;
      this.#log.info({ reason: detected.reason }, 'energy is not measured');
      this.noteEvent('energy-not-measured', detected.reason);
      return;
    }
    if (this.#stopped) detected.meter.stop();
    else this.#use(detected.meter);
  }

  #use(meter: Meter): void {
    const { kind, covers, total, rails } = meter.info;
    this.#log.info({ meter: kind, covers, total }, 'energy is measured');
    this.#history = new PowerHistory(rails, () => this.#clock.wall());
    this.#meter = meter;
    this.#fault = 'no sample has come yet';
    meter.start(this.#listener());
    const tidy = (): void => {
      this.#ledger.giveUp(this.#clock.now() - lateMs);
    };
    this.#timers = [setInterval(tidy, tidyMs), setInterval(() => void this.#noteState(), stateEveryMs)];
    void this.#noteState();
  }

  #listener(): MeterListener {
    return {
      onSample: (sample) => {
        this.#fault = null;
        this.#take(sample);
      },
      onFault: (reason) => {
        if (this.#fault !== reason) this.#log.warn({ reason }, 'the power meter gives no samples');
        this.#fault = reason;
        this.#intervals.lose();
        this.#history?.lose();
        this.#giveUpAll();
      },
    };
  }

  /** No interval will cover what ended up to now: its rows need not wait. */
  #giveUpAll(): void {
    this.#ledger.giveUp(Infinity);
  }

  #take(sample: Sample): void {
    const second = this.#history!.add(sample);
    if (second !== undefined) this.#note({ table: 'power', ...second });
    const interval = this.#intervals.next(sample);
    if (interval === undefined) return;
    if (interval.energyMj !== null) {
      this.#busyPower.sample((interval.energyMj / (interval.to - interval.from)) * 1000);
    }
    this.#ledger.add(interval);
  }

  /** Never twice at once: a sensor that hangs keeps one thread, not one more every ten seconds. */
  async #noteState(): Promise<void> {
    if (this.#readingState) return;
    this.#readingState = true;
    this.#state = await readPowerState({ ...systemPowerStateFiles, sysfs: this.#options.meter.sysfs });
    this.#note({ table: 'power_state', time: this.#clock.wall(), ...this.#state });
    const { meter } = this.meter;
    // Each time, since a log that was set aside begins anew, and the interval is known only after a while.
    if (meter !== null) this.#note({ table: 'meter', ...meter });
    this.#readingState = false;
  }
}
