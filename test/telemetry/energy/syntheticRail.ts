import { EnergyLedger, Intervals, type BatchCost } from '../../../src/telemetry/index.js';
import { seeded } from '../../support/random.js';

/** When batches ran, in ms, and with how many tokens. */
export interface Busy {
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
}

export interface Rail {
  /** mW at a moment. */
  readonly power: (at: number) => number;
  readonly busy: readonly Busy[];
  readonly untilMs: number;
}

const stepMs = 0.05;

/** Energy of the rail, in mJ. */
export function energyOf({ power }: Rail, from: number, to: number): number {
  let sum = 0;
  const steps = Math.max(1, Math.round((to - from) / stepMs));
  const step = (to - from) / steps;
  for (let at = 0; at < steps; at++) sum += (power(from + (at + 0.5) * step) * step) / 1000;
  return sum;
}

const conversionMs = 1.1;
const cycleMs = 6 * conversionMs;

/**
 * What a reading says: the energy so far; the mean power since the last reading; or, as an INA3221 that
 * converts three currents and three voltages in turn, the power during its last conversion.
 */
export type MeterModel = 'counter' | 'average' | 'ina3221';

/** Samples the rail at intervals that are as uneven as timers are. */
export function sampled(rail: Rail, intervalMs: number, meter: MeterModel) {
  const chance = seeded(7);
  const samples: { at: number; unit: 'mW' | 'mJ'; total: number }[] = [];
  let energy = 0;
  for (let last = 0; last < rail.untilMs;) {
    const at = last + intervalMs * (0.9 + 0.2 * chance());
    const used = energyOf(rail, last, at);
    energy += used;
    const converted = Math.floor(at / cycleMs) * cycleMs;
    samples.push(
      {
        counter: { at, unit: 'mJ' as const, total: energy },
        average: { at, unit: 'mW' as const, total: (used / (at - last)) * 1000 },
        ina3221: {
          at,
          unit: 'mW' as const,
          total: (energyOf(rail, converted - conversionMs, converted) / conversionMs) * 1000,
        },
      }[meter],
    );
    last = at;
  }
  return samples;
}

/** Runs the ledger over the rail, and gives what each batch cost. */
export function attribute(rail: Rail, samples: ReturnType<typeof sampled>) {
  const ledger = new EnergyLedger();
  const intervals = new Intervals(250);
  const costs = new Map<Busy, BatchCost | null>();
  const events = rail.busy
    .flatMap((busy) => [
      { at: busy.from, busy, begins: true },
      { at: busy.to, busy, begins: false },
    ])
    .sort((a, b) => a.at - b.at);
  const open = new Map<Busy, ReturnType<EnergyLedger['begin']>>();
  let meterMj = 0;
  for (const sample of samples) {
    while (events.length > 0 && events[0]!.at <= sample.at) {
      const { at, busy, begins } = events.shift()!;
      if (begins) {
        const work = ledger.begin(busy.tokens, at);
        open.set(busy, work);
        ledger.whenSettled(work, (cost) => costs.set(busy, cost));
      } else ledger.end(open.get(busy)!, at);
    }
    const interval = intervals.next(sample);
    if (interval === undefined) continue;
    meterMj += interval.energyMj ?? 0;
    ledger.add(interval);
  }
  return { costs, ledger, meterMj };
}
