import { describe, expect, it } from 'vitest';
import { seeded } from '../../support/random.js';
import { attribute, energyOf, sampled, type Busy, type Rail } from './syntheticRail.js';

const floorMw = 4000;
const idleUntil = 10_000;
const untilMs = 30_000;

/** Ten seconds of nothing, then batches with pauses between them: a share of the time is busy. */
function batches(meanMs: number, share: number): Busy[] {
  const chance = seeded(3);
  const busy: Busy[] = [];
  for (let at = idleUntil; at < untilMs - 1000;) {
    const lasts = meanMs * (0.5 + chance());
    busy.push({ from: at, to: at + lasts, tokens: 5 + Math.floor(chance() * 200) });
    at += lasts + (share === 1 ? 0 : (meanMs * (1 - share) * (0.5 + chance())) / share);
  }
  return busy;
}

/** Load of a power that wanders as a governor moves the clock, over an idle floor that is not quite still. */
function railOf(busy: readonly Busy[]): Rail {
  const running = (at: number) => {
    let [low, high] = [0, busy.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (busy[middle]!.to <= at) low = middle + 1;
      else high = middle;
    }
    return low < busy.length && busy[low]!.from <= at;
  };
  const idle = (at: number) => floorMw + 100 * Math.sin(at / 37);
  const load = (at: number) => 6000 + 1500 * Math.sin(at / 400);
  return { busy, untilMs, power: (at) => idle(at) + (running(at) ? load(at) : 0) };
}

/** The worst error of any second of load, as a share. */
function worstSecond(rail: Rail, costs: ReturnType<typeof attribute>['costs']): number {
  let worst = 0;
  for (let second = idleUntil + 1000; second + 1000 < untilMs - 2000; second += 250) {
    const within = rail.busy.filter(({ from, to }) => from >= second && to <= second + 1000);
    const known = within.reduce((sum, { from, to }) => sum + energyOf(rail, from, to), 0);
    const told = within.reduce((sum, batch) => sum + costs.get(batch)!.energyMj, 0);
    worst = Math.max(worst, Math.abs(told - known) / known);
  }
  return worst;
}

describe('energy on a rail whose energy is known', () => {
  it.each([
    ['batches of 1 ms, half of the time', 1, 0.5],
    ['batches of 1 ms, one after the other', 1, 1],
    ['batches of 15 ms, half of the time', 15, 0.5],
    ['batches of 15 ms, nine tenths of the time', 15, 0.9],
    ['batches of 80 ms, one after the other', 80, 1],
  ])('is given right within 2 % over any second: %s', (_, meanMs, share) => {
    const rail = railOf(batches(meanMs, share));
    for (const meter of ['counter', 'average'] as const) {
      const { costs } = attribute(rail, sampled(rail, 10, meter));
      expect(worstSecond(rail, costs), meter).toBeLessThan(0.02);
    }
  });

  it.each([1, 15, 80])(
    'is given right within 2 % over any second of batches of %d ms one after the other, by an INA3221 too',
    (meanMs) => {
      const rail = railOf(batches(meanMs, 1));
      expect(worstSecond(rail, attribute(rail, sampled(rail, 10, 'ina3221')).costs)).toBeLessThan(0.02);
    },
  );

  it('is, attributed and idle together, the meter’s', () => {
    const rail = railOf(batches(3, 0.3));
    const { ledger, meterMj } = attribute(rail, sampled(rail, 10, 'average'));
    const { attributedMj, idleMj } = ledger.totals;
    expect(attributedMj + idleMj).toBeCloseTo(meterMj, 3);
    const known = energyOf(rail, 10, untilMs);
    expect(Math.abs(attributedMj + idleMj - known) / known).toBeLessThan(0.05);
  });

  it('has its idle floor learned while nothing runs, and is told whole and above it', () => {
    const rail = railOf(batches(15, 0.5));
    const { ledger, costs } = attribute(rail, sampled(rail, 10, 'counter'));
    expect(Math.abs(ledger.idleFloorMw! - floorMw) / floorMw).toBeLessThan(0.01);
    for (const [{ from, to }, cost] of costs) {
      const idleMj = (ledger.idleFloorMw! * (to - from)) / 1000;
      expect(cost!.energyMj - cost!.aboveIdleMj!).toBeCloseTo(idleMj, 0);
    }
  });
});
