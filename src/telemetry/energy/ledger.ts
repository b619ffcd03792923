import { IdleFloor } from './idleFloor.js';
import type { Interval } from './intervals.js';

/** What a batch cost. */
export interface BatchCost {
  /** Idle power included: its share of what was drawn while it ran. */
  readonly energyMj: number;
  /** What was drawn while nothing else ran, and, by all together, while others did. */
  readonly aloneMj: number;
  readonly besideMj: number;
  /** Without the idle power; may be negative, since samples are noisy. `null` until the floor is known. */
  readonly aboveIdleMj: number | null;
  /**
   * `sampled` where samples lie inside the batch's time; `interpolated` where it fell between two, and what
   * these say beyond the idle floor was given to it.
   */
  readonly how: 'sampled' | 'interpolated';
}

/** Where all energy of the meter went since the start. */
export interface EnergyTotals {
  readonly attributedMj: number;
  readonly idleMj: number;
  /** Time in which the meter said nothing. */
  readonly unmeasuredMs: number;
}

/** A batch on an engine. */
export interface BatchWork {
  readonly tokens: number;
}

interface Work extends BatchWork {
  readonly beganAt: number;
  endedAt: number | undefined;
  energyMj: number;
  aloneMj: number;
  besideMj: number;
  floorMj: number | null;
  covered: boolean;
  samples: number;
  cost: BatchCost | null | undefined;
  readonly waiting: ((cost: BatchCost | null) => void)[];
}

/** From `from` on these batches run, until the next change. */
interface Change {
  readonly from: number;
  readonly running: readonly Work[];
}

/** A time within an interval in which the same batches ran. */
interface Part {
  readonly ms: number;
  readonly end: number;
  readonly running: readonly Work[];
}

/**
 * Gives every interval of a meter to the batches that ran in it. Batches that run at once share by tokens.
 * Where an interval is partly idle, the idle part costs the idle floor and the batches the rest; so attributed
 * and idle energy are together always the meter's. Time comes in as an argument.
 */
export class EnergyLedger {
  readonly #floor = new IdleFloor();
  readonly #open = new Set<Work>();
  #changes: Change[] = [{ from: -Infinity, running: [] }];
  #busyUntil = -Infinity;
  #attributedMj = 0;
  #idleMj = 0;
  #unmeasuredMs = 0;

  get totals(): EnergyTotals {
    return { attributedMj: this.#attributedMj, idleMj: this.#idleMj, unmeasuredMs: this.#unmeasuredMs };
  }

  /** Power while nothing runs, in mW; `undefined` until it is known. */
  get idleFloorMw(): number | undefined {
    return this.#floor.powerMw;
  }

  /** @param tokens of all its requests, what they share its energy by */
  begin(tokens: number, at: number): BatchWork {
    const work: Work = {
      tokens,
      beganAt: at,
      endedAt: undefined,
      energyMj: 0,
      aloneMj: 0,
      besideMj: 0,
      floorMj: 0,
      covered: true,
      samples: 0,
      cost: undefined,
      waiting: [],
    };
    this.#open.add(work);
    this.#changes.push({ from: at, running: [...this.#changes.at(-1)!.running, work] });
    return work;
  }

  end(batch: BatchWork, at: number): void {
    const work = batch as Work;
    if (work.endedAt !== undefined) return;
    work.endedAt = at;
    this.#changes.push({
      from: at,
      running: this.#changes.at(-1)!.running.filter((other) => other !== work),
    });
  }

  /** Calls back with the batch's cost when it is known; with `null` where nothing measured it. */
  whenSettled(batch: BatchWork, callback: (cost: BatchCost | null) => void): void {
    const work = batch as Work;
    if (work.cost === undefined) work.waiting.push(callback);
    else callback(work.cost);
  }

  /** Accounts for the next interval; they follow one another in time. */
  add(interval: Interval): void {
    const parts = this.#partsOf(interval);
    if (interval.energyMj === null) this.#leaveOut(parts, interval);
    else this.#share(parts, interval.energyMj, interval);
    this.#forget(interval.to);
    this.#settle((work) => work.endedAt! <= interval.to);
  }

  /** Settles what ended before `at` without a cost: its samples will not come any more. */
  giveUp(at: number): void {
    this.#settle((work) => {
      const late = work.endedAt! < at;
      if (late) work.covered = false;
      return late;
    });
  }

  /** Settles all that is left without a cost. */
  close(): void {
    for (const work of this.#open) {
      work.endedAt ??= Infinity;
      work.covered = false;
    }
    this.#settle(() => true);
  }

  /** The times within the interval in which the same batches ran. */
  #partsOf({ from, to }: Interval): Part[] {
    return this.#changes.flatMap(({ from: begin, running }, at) => {
      const end = Math.min(this.#changes[at + 1]?.from ?? Infinity, to);
      const ms = end - Math.max(begin, from);
      return ms > 0 ? [{ ms, end, running }] : [];
    });
  }

  #share(parts: readonly Part[], energyMj: number, { from, to }: Interval): void {
    const busy = parts.filter(({ running }) => running.length > 0);
    const busyMs = busy.reduce((sum, { ms }) => sum + ms, 0);
    const idleMs = to - from - busyMs;
    if (busyMs === 0) {
      this.#idleMj += energyMj;
      this.#floor.note(energyMj, idleMs, from - this.#busyUntil);
      return;
    }
    const floorMw = this.#floor.powerMw;
    const idleMj = floorMw === undefined ? (energyMj * idleMs) / (to - from) : (floorMw * idleMs) / 1000;
    this.#idleMj += idleMj;
    this.#attributedMj += energyMj - idleMj;
    const powerMw = ((energyMj - idleMj) / busyMs) * 1000;
    for (const part of busy) charge(part, powerMw, floorMw, to);
    this.#busyUntil = busy.at(-1)!.end;
  }

  #leaveOut(parts: readonly Part[], { from, to }: Interval): void {
    this.#unmeasuredMs += to - from;
    for (const { running } of parts) for (const work of running) work.covered = false;
  }

  /** Drops the changes that no later interval needs. */
  #forget(until: number): void {
    const next = this.#changes.findIndex(({ from }) => from > until);
    this.#changes = this.#changes.slice((next === -1 ? this.#changes.length : next) - 1);
  }

  #settle(ready: (work: Work) => boolean): void {
    for (const work of this.#open) {
      if (work.endedAt === undefined || !ready(work)) continue;
      this.#open.delete(work);
      work.cost = work.covered ? costOf(work) : null;
      for (const callback of work.waiting.splice(0)) callback(work.cost);
    }
  }
}

/** Gives the power of a part to its batches; `sampledAt` is where the interval's sample was taken. */
function charge(
  { ms, running }: Part,
  powerMw: number,
  floorMw: number | undefined,
  sampledAt: number,
): void {
  const tokens = running.reduce((sum, work) => sum + work.tokens, 0);
  for (const work of running) {
    const shareMs = (ms * work.tokens) / tokens;
    work.energyMj += (powerMw * shareMs) / 1000;
    work[running.length === 1 ? 'aloneMj' : 'besideMj'] += (powerMw * ms) / 1000;
    if (floorMw === undefined) work.floorMj = null;
    else if (work.floorMj !== null) work.floorMj += (floorMw * shareMs) / 1000;
    if (work.beganAt <= sampledAt && (work.endedAt ?? Infinity) >= sampledAt) work.samples += 1;
  }
}

function costOf({ energyMj, aloneMj, besideMj, floorMj, samples }: Work): BatchCost {
  return {
    energyMj,
    aloneMj,
    besideMj,
    aboveIdleMj: floorMj === null ? null : energyMj - floorMj,
    how: samples > 0 ? 'sampled' : 'interpolated',
  };
}
