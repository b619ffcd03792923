import { messageOf } from '../../base/index.js';
import { affordableIntervalMs, type ReadingCost } from './cost.js';
import type { Meter, MeterInfo, MeterListener, PolledMeter, Sample } from './meter.js';

export interface PollingOptions {
  /** Wished time between two readings, in milliseconds. */
  readonly intervalMs: number;
  /** A reading that takes longer counts as hung, in milliseconds. */
  readonly hangMs: number;
  /** Time until the next try after a reading that failed, in milliseconds. */
  readonly retryMs: number;
}

const calibrationReadings = 10;

/** Reads a meter at even intervals, one reading at a time: one that hangs is never joined by another. */
export class PollingMeter implements Meter {
  readonly #meter: PolledMeter;
  readonly #options: PollingOptions;
  readonly #now: () => number;
  #listener: MeterListener | undefined;
  #timer: NodeJS.Timeout | undefined;
  #intervalMs: number;
  #stopped = false;

  constructor(meter: PolledMeter, options: PollingOptions, now: () => number) {
    this.#meter = meter;
    this.#options = options;
    this.#now = now;
    this.#intervalMs = options.intervalMs;
  }

  get info(): MeterInfo {
    return this.#meter.info;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  start(listener: MeterListener): void {
    this.#listener = listener;
    void this.#begin();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#meter.close();
  }

  /** Learns what a reading costs before anything else runs, so that nobody else's work counts for it. */
  async #begin(): Promise<void> {
    const least: { wallMs: number; cpuMs: number } = { wallMs: Infinity, cpuMs: Infinity };
    for (let reading = 0; reading < calibrationReadings; reading++) {
      const cost = await this.#readOnce();
      if (cost === undefined) {
        this.#again(this.#options.retryMs, () => this.#begin());
        return;
      }
      least.wallMs = Math.min(least.wallMs, cost.wallMs);
      least.cpuMs = Math.min(least.cpuMs, cost.cpuMs);
    }
    this.#intervalMs = affordableIntervalMs(this.#options.intervalMs, least);
    this.#again(this.#intervalMs, () => this.#turn());
  }

  #again(inMs: number, next: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void next();
    }, inMs);
    this.#timer.unref();
  }

  async #turn(): Promise<void> {
    const startedAt = this.#now();
    const cost = await this.#readOnce();
    const wait = cost === undefined ? this.#options.retryMs : this.#intervalMs - (this.#now() - startedAt);
    // Timers cut fractions off: a wish is never exceeded.
    this.#again(Math.max(1, Math.ceil(wait)), () => this.#turn());
  }

  /** Reads and tells; `undefined` where it failed. Settles only when the reading does, hung or not. */
  async #readOnce(): Promise<ReadingCost | undefined> {
    const { onSample, onFault } = this.#listener!;
    const { hangMs } = this.#options;
    const startedAt = this.#now();
    const cpuBefore = process.cpuUsage();
    const state = { late: false };
    const patience = setTimeout(() => {
      state.late = true;
      onFault(`a reading has not come back for ${hangMs} ms`);
    }, hangMs);
    patience.unref();
    let sample: Sample;
    try {
      sample = await this.#meter.read(this.#now);
    } catch (error) {
      if (!this.#stopped) onFault(messageOf(error));
      return undefined;
    } finally {
      clearTimeout(patience);
    }
    const { user, system } = process.cpuUsage(cpuBefore);
    if (!state.late && !this.#stopped) onSample(sample);
    return { wallMs: this.#now() - startedAt, cpuMs: (user + system) / 1000 };
  }
}
