import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { built } from '../../support/built.js';
import { requestRow } from '../../support/requestRow.js';
import { until } from '../../support/until.js';
import { WebSite } from '../../support/webSite.js';

const sites: WebSite[] = [];
let historyCommand: string[] = [];
beforeAll(async () => {
  historyCommand = [process.execPath, join(await built(), 'telemetry/web/historyMain.js')];
}, 120_000);
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close();
});

const minuteMs = 60_000;

async function withRows(): Promise<WebSite> {
  const site = await WebSite.open({ historyCommand });
  sites.push(site);
  const now = Date.now();
  for (const [minutesAgo, row] of [
    [3000, { intent: 'lights_on' }],
    [200, { intent: 'balance' }],
    [10, { intent: null, error: 'overloaded' }],
    [5, { intent: 'weather' }],
    [5, { intent: 'weather' }],
    [5, { intent: null, outOfScope: true }],
  ] as const) {
    site.telemetry.requestLog.record(
      requestRow({ time: now - minutesAgo * minuteMs, totalUs: 4000, ...row }),
    );
  }
  site.telemetry.requestLog.note({
    table: 'power',
    time: Math.floor((now - 5 * minuteMs) / 1000) * 1000,
    rails: [{ rail: 'total', meanMw: 5000, maxMw: 6000 }],
  });
  await site.telemetry.requestLog.flush();
  return site;
}

interface Told {
  since: number;
  stepMs: number;
  requests: { count: number[]; errors: number[]; outOfScope: number[]; p50Ms: (number | null)[] };
  railsW: Record<string, (number | null)[]>;
  intents: { intent: string; count: number }[];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

describe('the history of the dashboard', () => {
  it('tells the last hour by the minute', async () => {
    const site = await withRows();
    const { status, text } = await site.ask('/history?range=hour');
    expect(status).toBe(200);
    const told = JSON.parse(text) as Told;
    expect(told.requests.count).toHaveLength(60);
    expect([sum(told.requests.count), sum(told.requests.errors), sum(told.requests.outOfScope)]).toEqual([
      4, 1, 1,
    ]);
    const step = told.requests.count.indexOf(3);
    const ago = Date.now() - (told.since + step * told.stepMs);
    expect(ago).toBeGreaterThanOrEqual(5 * minuteMs);
    expect(ago).toBeLessThan(6.1 * minuteMs);
    expect(told.requests.p50Ms[step]).toBeCloseTo(4, 1);
    expect(told.railsW['total']!.filter((watts) => watts !== null)).toEqual([5]);
    expect(told.intents).toEqual([{ intent: 'weather', count: 2 }]);
  });

  it('tells the last day by five minutes, from roll-ups', async () => {
    const site = await withRows();
    const told = JSON.parse((await site.ask('/history?range=day')).text) as Told;
    expect(told.requests.count).toHaveLength(288);
    expect([sum(told.requests.count), sum(told.requests.errors)]).toEqual([5, 1]);
    expect(told.requests.p50Ms.filter((ms) => ms !== null)).toHaveLength(2);
    expect(told.intents.map(({ intent }) => intent).sort()).toEqual(['balance', 'weather']);
  });

  it('knows of two ranges', async () => {
    const site = await withRows();
    for (const path of ['/history', '/history?range=year', '/history?range=__proto__']) {
      expect([path, (await site.ask(path)).status]).toEqual([path, 400]);
    }
  });

  it('says why there is none', async () => {
    const site = await WebSite.open({ historyCommand, logPath: '/nonexistent/intentd.db' });
    sites.push(site);
    const { status, text } = await site.ask('/history?range=hour');
    expect(status).toBe(503);
    expect(text).toContain('There is no request log at /nonexistent/intentd.db');
  });

  it('gives a page the intents that were answered before the agent was started anew', async () => {
    const before = await withRows();
    const site = await WebSite.open({ historyCommand, logPath: before.logPath });
    sites.push(site);
    const controller = new AbortController();
    const response = await fetch(`${site.web.url!}live`, { signal: controller.signal });
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body!) text += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await until(() => text.includes('"intents":[{"intent":"weather","count":2}]'));
    controller.abort();
    await reading;
  });
});
