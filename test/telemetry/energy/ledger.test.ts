import { describe, expect, it } from 'vitest';
import { BusyPower, EnergyLedger, Intervals, type BatchCost } from '../../../src/telemetry/index.js';

/** A ledger that saw two idle seconds of 1 W. */
function idleLedger(): EnergyLedger {
  const ledger = new EnergyLedger();
  for (let second = 0; second < 20; second++) {
    ledger.add({ from: second * 100, to: (second + 1) * 100, energyMj: 100 });
  }
  return ledger;
}

function batch(ledger: EnergyLedger, from: number, to: number, tokens = 10) {
  const settled: (BatchCost | null)[] = [];
  const work = ledger.begin(tokens, from);
  ledger.whenSettled(work, (cost) => settled.push(cost));
  return {
    settled,
    work,
    end: () => {
      ledger.end(work, to);
    },
  };
}

describe('the energy of a batch', () => {
  it('is known when the interval that holds its end is', () => {
    const ledger = idleLedger();
    const { settled, end } = batch(ledger, 2005, 2012);
    end();
    ledger.add({ from: 2000, to: 2010, energyMj: 5 + 30 });
    expect(settled).toEqual([]);
    ledger.add({ from: 2010, to: 2020, energyMj: 8 + 12 });
    expect(settled).toMatchObject([{ energyMj: 42, aboveIdleMj: 35, how: 'sampled' }]);
  });

  it('that fell between two samples is all they say beyond the idle floor, and says so', () => {
    const ledger = idleLedger();
    const { settled, end } = batch(ledger, 2004, 2006);
    end();
    ledger.add({ from: 2000, to: 2010, energyMj: 8 + 14 });
    expect(settled).toMatchObject([{ energyMj: 14, aboveIdleMj: 12, how: 'interpolated' }]);
  });

  it('above idle may be negative, and is not clamped', () => {
    const ledger = idleLedger();
    const { settled, end } = batch(ledger, 2000, 2010);
    end();
    ledger.add({ from: 2000, to: 2010, energyMj: 9 });
    expect(settled[0]!.aboveIdleMj).toBeCloseTo(-1, 9);
    expect(ledger.totals.attributedMj).toBe(9);
  });

  it('is shared by tokens with those that ran at the same time', () => {
    const ledger = idleLedger();
    const [first, second] = [batch(ledger, 2000, 2010, 30), batch(ledger, 2000, 2010, 10)];
    first.end();
    second.end();
    ledger.add({ from: 2000, to: 2010, energyMj: 100 });
    expect([first.settled[0]!.energyMj, second.settled[0]!.energyMj]).toEqual([75, 25]);
  });

  it('is told apart by whether others ran too: alone its own, beside them that of all', () => {
    const ledger = idleLedger();
    const [first, second] = [batch(ledger, 2000, 2010, 30), batch(ledger, 2005, 2010, 10)];
    first.end();
    second.end();
    ledger.add({ from: 2000, to: 2010, energyMj: 100 });
    expect(first.settled).toMatchObject([{ aloneMj: 50, besideMj: 50, energyMj: 87.5 }]);
    expect(second.settled).toMatchObject([{ aloneMj: 0, besideMj: 50, energyMj: 12.5 }]);
  });

  it('is unknown above idle while the floor is', () => {
    const ledger = new EnergyLedger();
    const { settled, end } = batch(ledger, 5, 10);
    end();
    ledger.add({ from: 0, to: 10, energyMj: 100 });
    expect(settled).toMatchObject([{ energyMj: 50, aboveIdleMj: null, how: 'sampled' }]);
  });

  it('is null where the meter was silent, and where its samples never come', () => {
    const ledger = idleLedger();
    const lost = batch(ledger, 2005, 2015);
    lost.end();
    ledger.add({ from: 2000, to: 2010, energyMj: 10 });
    ledger.add({ from: 2010, to: 2020, energyMj: null });
    const never = batch(ledger, 2030, 2040);
    never.end();
    ledger.giveUp(2041);
    expect([lost.settled, never.settled]).toEqual([[null], [null]]);
    expect(ledger.totals.unmeasuredMs).toBe(10);
  });
});

describe('intervals between samples', () => {
  it('hold the power at their end, or the difference of two counters', () => {
    const power = new Intervals(100);
    expect(power.next({ at: 0, unit: 'mW', total: 1000 })).toBeUndefined();
    expect(power.next({ at: 10, unit: 'mW', total: 3000 })).toEqual({ from: 0, to: 10, energyMj: 30 });
    expect(power.next({ at: 10, unit: 'mW', total: 3000 })).toBeUndefined();
    const counter = new Intervals(100);
    counter.next({ at: 0, unit: 'mJ', total: 7 });
    expect(counter.next({ at: 50, unit: 'mJ', total: 9 })?.energyMj).toBe(2);
    expect(counter.next({ at: 60, unit: 'mJ', total: 1 })?.energyMj).toBeNull();
  });

  it('say nothing over a gap, and where samples were lost', () => {
    const intervals = new Intervals(100);
    intervals.next({ at: 0, unit: 'mW', total: 1000 });
    expect(intervals.next({ at: 200, unit: 'mW', total: 1000 })?.energyMj).toBeNull();
    intervals.lose();
    expect(intervals.next({ at: 210, unit: 'mW', total: 1000 })?.energyMj).toBeNull();
    expect(intervals.next({ at: 220, unit: 'mW', total: 1000 })?.energyMj).toBe(10);
  });
});

describe('the estimate that goes with an answer', () => {
  it('is what such batches drew lately, at first what the meter says now, and null without a meter', () => {
    const power = new BusyPower();
    expect(power.estimate(1, 2)).toBeNull();
    power.sample(5000);
    expect(power.estimate(1, 2)).toBe(10);
    power.note(1, 18, 2);
    power.note(16, 60, 3);
    expect(power.estimate(1, 2)).toBe(18);
    expect(power.estimate(12, 2)).toBe(40);
  });
});
