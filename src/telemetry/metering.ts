import { messageOf, type Clock, type Logger } from '../base/index.js';
import {
  BusyPower,
  EnergyLedger,
  Intervals,
  type BatchCost,
  type BatchWork,
  type EnergyTotals,
} from './energy/index.js';
import type { DetectOptions } from './meter/detect.js';
import type { Detected, Meter, MeterInfo, MeterListener, Sample } from './meter/meter.js';
import { readPowerState, systemPowerStateFiles, type PowerState } from './meter/powerState.js';
import { PowerHistory, type MeteredSecond } from './powerHistory.js';
import type { Note } from './store/notes.js';

/** What measures energy here, or why nothing does. */
export interface MeterReport {
  readonly meter: (MeterInfo & { readonly sampleMs: number }) | null;
  /** Why there is none, or why it is silent at present; `null` where all is well. */
  readonly fault: string | null;
}

/** Samples further apart than this tell nothing of the time between them, in ms. */
const maxGapMs = 2500;
const tidyMs = 1000;
/** A batch whose samples have not come for so long is not measured. */
const lateMs = 5000;
const stateEveryMs = 10_000;

/** The meter of this machine, and what each batch drew by it; power and the state of the machine go to `note`. */
export class Metering {
  readonly #options: DetectOptions;
  readonly #note: (note: Note) => void;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #ledger = new EnergyLedger();
  readonly #intervals = new Intervals(maxGapMs);
  readonly #busyPower = new BusyPower();
  readonly #running = new WeakMap<
    BatchWork,
    { readonly at: number; readonly size: number; endedAt: number }
  >();
  #history: PowerHistory | undefined;
  /** What the seconds that are kept add up to. */
  #noted: EnergyTotals = this.#ledger.totals;
  #meter: Meter | undefined;
  #fault: string | null = 'the meter is being looked for';
  #state: PowerState | null = null;
  #readingState = false;
  #timers: NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(options: DetectOptions, note: (note: Note) => void, clock: Clock, log: Logger) {
    this.#options = options;
    this.#note = note;
    this.#clock = clock;
    this.#log = log;
  }

  get report(): MeterReport {
    const meter =
      this.#meter === undefined ? null : { ...this.#meter.info, sampleMs: this.#meter.intervalMs };
    return { meter, fault: this.#fault };
  }

  /** Whether there is a meter at all, silent or not. */
  get measures(): boolean {
    return this.#meter !== undefined;
  }

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

  /** Looks for a meter and uses it. */
  async start(): Promise<void> {
    const { detectMeter } = await import('./meter/detect.js');
    const now = (): number => this.#clock.now();
    const detected: Detected = await detectMeter(this.#options, now);
    if (detected.meter === null) {
      this.#fault = detected.reason;
      this.#log.info({ reason: detected.reason }, 'energy is not measured');
      this.#noteSilence(detected.reason);
      return;
    }
    if (this.#stopped) detected.meter.stop();
    else this.#use(detected.meter);
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#meter?.stop();
    this.#ledger.close();
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

  /** Calls back with what a batch drew when it is known; with `null` where nothing measured it. */
  whenSettled(batch: BatchWork, callback: (cost: BatchCost | null) => void): void {
    if (this.#fault !== null) this.#giveUpAll();
    this.#ledger.whenSettled(batch, callback);
  }

  /** What a batch drew, once the samples are in; `null` where nothing measured it. */
  costOf(batch: BatchWork): Promise<BatchCost | null> {
    if (!this.#running.has(batch)) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#ledger.whenSettled(batch, resolve);
    });
  }

  /** Energy of so many tokens of a batch that just ended, in mJ, from what such batches drew lately. */
  estimateMj(batch: BatchWork, tokens: number): number | null {
    const known = this.#running.get(batch);
    if (known === undefined || this.#fault !== null) return null;
    const energy = this.#busyPower.estimate(known.size, known.endedAt - known.at);
    return energy === null ? null : (energy * tokens) / batch.tokens;
  }

  #noteSilence(reason: string): void {
    this.#note({ table: 'event', time: this.#clock.wall(), kind: 'energy-not-measured', detail: reason });
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
    if (second !== undefined) this.#noteSecond(second);
    const interval = this.#intervals.next(sample);
    if (interval === undefined) return;
    if (interval.energyMj !== null) {
      this.#busyPower.sample((interval.energyMj / (interval.to - interval.from)) * 1000);
    }
    this.#ledger.add(interval);
  }

  #noteSecond({ totalMj, ...second }: MeteredSecond): void {
    this.#note({ table: 'power', ...second });
    const [before, now] = [this.#noted, this.#ledger.totals];
    this.#noted = now;
    this.#note({
      table: 'energy',
      time: second.time,
      meterMj: totalMj,
      attributedMj: now.attributedMj - before.attributedMj,
      idleMj: now.idleMj - before.idleMj,
      unmeasuredMs: now.unmeasuredMs - before.unmeasuredMs,
    });
  }

  /** Never twice at once: a sensor that hangs keeps one thread, not one more every ten seconds. */
  async #noteState(): Promise<void> {
    if (this.#readingState) return;
    this.#readingState = true;
    try {
      this.#state = await readPowerState({ ...systemPowerStateFiles, sysfs: this.#options.sysfs });
      this.#note({ table: 'power_state', time: this.#clock.wall(), ...this.#state });
      const { meter } = this.report;
      // Each time, since a log that was set aside begins anew, and the interval is known only after a while.
      if (meter !== null) this.#note({ table: 'meter', ...meter });
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the state of the machine was not noted');
    } finally {
      this.#readingState = false;
    }
  }
}
