import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../src/base/index.js';
import {
  RequestLog,
  RequestLogReader,
  type RequestRow,
  type RequestStats,
} from '../../src/telemetry/index.js';
import { seeded } from '../support/random.js';
import { requestRow } from '../support/requestRow.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const base = Date.parse('2026-11-20T21:17:31.234Z');

const intents = ['lights_on', 'lights_off', 'play', null];

/** Requests of thirty hours across two midnights, in no even order of groups. */
function rows(): RequestRow[] {
  const chance = seeded(11);
  return Array.from({ length: 6000 }, (_, at) => {
    const failed = chance() < 0.02;
    const intent = failed ? null : intents[Math.floor(chance() * intents.length)]!;
    const measured = chance() < 0.8;
    return requestRow({
      time: base + Math.floor((at * 30 * hourMs) / 6000),
      requestId: `r${at}`,
      intent,
      outOfScope: !failed && intent === null,
      error: failed ? 'overloaded' : null,
      model: chance() < 0.5 ? 'home' : 'banking',
      engine: chance() < 0.7 ? 'onnxruntime' : 'tensorrt',
      bucket: chance() < 0.5 ? 16 : 32,
      totalUs: Math.floor(500 * Math.exp(5 * chance() * chance())),
      energyMj: measured ? 5 * chance() : null,
      aboveIdleMj: measured ? 3 * chance() - 0.5 : null,
    });
  });
}

/** The same figures from the rows themselves, with exact percentiles. */
function directly(of: readonly RequestRow[]): Record<string, number | null> {
  const answered = of.filter(({ error }) => error === null);
  const sorted = answered.map(({ totalUs }) => totalUs).sort((a, b) => a - b);
  const at = (percent: number) => sorted[Math.ceil((sorted.length * percent) / 100) - 1]! / 1000;
  const measured = of.filter(({ energyMj }) => energyMj !== null);
  const mean = (values: (number | null)[]) =>
    values.length === 0 ? null : values.reduce<number>((sum, value) => sum + value!, 0) / values.length;
  return {
    count: of.length,
    errors: of.length - answered.length,
    outOfScope: answered.filter(({ outOfScope }) => outOfScope).length / answered.length,
    p50Ms: at(50),
    p95Ms: at(95),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: sorted.at(-1)! / 1000,
    measured: measured.length,
    energyMj: mean(measured.map(({ energyMj }) => energyMj)),
    aboveIdleMj: mean(measured.map(({ aboveIdleMj }) => aboveIdleMj)),
  };
}

function expectSame(told: RequestStats, of: readonly RequestRow[]): void {
  const known = directly(of);
  for (const name of ['count', 'errors', 'measured', 'maxMs'] as const)
    expect(told[name], name).toBe(known[name]);
  for (const name of ['outOfScope', 'energyMj', 'aboveIdleMj'] as const) {
    if (known[name] === null) expect(told[name], name).toBeNull();
    else expect(told[name], name).toBeCloseTo(known[name]!, 6);
  }
  for (const name of ['p50Ms', 'p95Ms', 'p99Ms', 'p999Ms'] as const) {
    // The end of the step of the histogram that holds the exact one.
    expect(told[name]!, name).toBeGreaterThanOrEqual(known[name]!);
    expect(told[name]!, name).toBeLessThan(known[name]! * 1.01 + 0.001);
  }
}

const all = rows();
const written = base + 30 * hourMs;

/**
 * A log of all rows; `laterMs` after the last of them it was written once more, and what had grown too old by then
 * was deleted.
 */
async function logOf(laterMs: number, maxAgeMs = 1e13): Promise<RequestLogReader> {
  const path = join(mkdtempSync(join(tmpdir(), 'intentd-rollups-')), 'intentd.db');
  const limits = { commitMs: 600_000, maxPending: 10_000, maxBytes: 1e9, maxWalBytes: 1e9 };
  let wall = written;
  const log = new RequestLog(
    { path, maxAgeMs, ...limits },
    { ...systemClock, wall: () => wall },
    silentLogger,
  );
  log.start();
  // Commits do not end where hours do.
  for (let from = 0; from < all.length; from += 700) {
    for (const row of all.slice(from, from + 700)) log.record(row);
    await log.flush();
  }
  wall += laterMs;
  if (laterMs > 0) {
    log.note({ table: 'event', time: wall, kind: 'later', detail: null });
    await log.flush();
  }
  await log.stop();
  return new RequestLogReader(path);
}

const dayMs = 24 * hourMs;
const readers = {
  'just now': await logOf(0),
  'ten days ago, of which spans of five minutes are gone': await logOf(10 * dayMs),
};
afterAll(() => {
  for (const reader of Object.values(readers)) reader.close();
});

/** Ranges whose ends lie on days, hours, five minutes, and anywhere. */
const ranges: [string, number | undefined, number | undefined][] = [
  ['all there is', undefined, undefined],
  ['from within five minutes on', base + 3 * hourMs + 123_457, undefined],
  ['until within five minutes', undefined, base + 20 * hourMs + 98_765],
  ['a day and both its edges', base + 17 * minuteMs, base + 29 * hourMs - 1],
  ['less than five minutes', base + hourMs, base + hourMs + 2 * minuteMs],
  ['two whole hours', Date.parse('2026-11-21T03:00Z'), Date.parse('2026-11-21T05:00Z') - 1],
];

const cases = Object.entries(readers).flatMap(([when, reader]) =>
  ranges.map(([name, since, until]) => [when, name, reader, since, until] as const),
);

describe.each(cases)('figures of what was written %s: %s', (_when, _name, reader, since, until) => {
  const within = all.filter(({ time }) => time >= (since ?? 0) && time <= (until ?? Infinity));

  it('are those of the rows', () => {
    expectSame(reader.stats({ since, until })[0]!, within);
  });

  it.each([
    ['intent', ({ intent }: RequestRow) => intent],
    ['model', ({ model, version }: RequestRow) => `${model!} ${version!}`],
    ['engine', ({ engine }: RequestRow) => engine],
    ['bucket', ({ bucket }: RequestRow) => String(bucket)],
    ['hour', ({ time }: RequestRow) => `${new Date(time).toISOString().slice(0, 13)}:00Z`],
  ] as const)('by %s are those of the rows', (by, nameOf) => {
    const groups = reader.stats({ since, until }, by);
    expect(groups.map(({ count }) => count).reduce((a, b) => a + b, 0)).toBe(within.length);
    expect(new Set(groups.map(({ group }) => group))).toEqual(new Set(within.map(nameOf)));
    for (const group of groups) {
      const rowsOfIt = within.filter((row) => nameOf(row) === group.group);
      if (rowsOfIt.some(({ error }) => error === null)) expectSame(group, rowsOfIt);
    }
  });

  it('of one intent, and of one model, are those of the rows', () => {
    const playing = within.filter(({ intent }) => intent === 'play');
    expectSame(reader.stats({ since, until, intent: 'play' })[0]!, playing);
    const home = within.filter(({ model }) => model === 'home');
    expectSame(reader.stats({ since, until, model: 'home' })[0]!, home);
  });
});

describe('figures of rows that are gone', () => {
  it('are those of the whole hours, and days, that hold the time that is asked for', async () => {
    const reader = await logOf(10 * dayMs, dayMs);
    expect(reader.newest({}, 1)).toEqual([]);
    const [since, until] = ['2026-11-21T03:20Z', '2026-11-21T05:10Z'].map((text) => Date.parse(text));
    const [from, to] = [Date.parse('2026-11-21T03:00Z'), Date.parse('2026-11-21T06:00Z')];
    expectSame(
      reader.stats({ since, until })[0]!,
      all.filter(({ time }) => time >= from && time < to),
    );
    expectSame(reader.stats({})[0]!, all);
    reader.close();
    const aYearLater = await logOf(365 * dayMs, dayMs);
    expectSame(aYearLater.stats({})[0]!, all);
    aYearLater.close();
  });
});

describe('power', () => {
  it('is all measured energy over the time that is asked for', () => {
    const reader = readers['just now'];
    const [since, until] = [Date.parse('2026-11-21T03:00Z'), Date.parse('2026-11-21T05:00Z') - 1];
    const joules = all
      .filter(({ time }) => time >= since && time <= until)
      .reduce((sum, { energyMj }) => sum + (energyMj ?? 0) / 1000, 0);
    expect(reader.stats({ since, until })[0]!.meanW).toBeCloseTo(joules / 7200, 6);
    const hours = reader.stats({ since, until }, 'hour');
    expect(hours.reduce((sum, { meanW }) => sum + meanW! * 3600, 0)).toBeCloseTo(joules, 3);
  });
});
