import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { havePromtool, promtoolSays } from '../support/promtool.js';
import { requestRow } from '../support/requestRow.js';
import { agentView, WebSite } from '../support/webSite.js';

const sites: WebSite[] = [];
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close();
});

const meter = {
  kind: 'ina3221',
  device: 'A "board" with \\ and\nmore',
  rails: ['VDD_IN', 'VDD_SOC'],
  covers: 'board',
  total: 'VDD_IN',
  sampleMs: 10,
} as const;

/** A site in whose metrics every family has a value. */
async function measured(): Promise<WebSite> {
  const building = { step: 'trying tactics', percent: 40 };
  const site = await WebSite.open(
    {},
    { agent: () => ({ ...agentView, building, meter: { meter, fault: null } }) },
  );
  sites.push(site);
  Object.defineProperties(site.telemetry, {
    energy: {
      value: { attributedMj: 1500, idleMj: 8000, unmeasuredMs: 250, idleFloorMw: 4700 },
      configurable: true,
    },
    railsMw: {
      value: new Map([
        ['VDD_IN', 6000],
        ['VDD_SOC', 1500],
        ['total', 6000],
      ]),
    },
    powerState: {
      value: {
        cpuMhz: 1510,
        gpuMhz: 918,
        temperatureC: 51.2,
        throttled: false,
        throttleEvents: 0,
        powerMode: '15W',
      },
    },
  });
  site.telemetry.record(requestRow({ energyMj: 12, text: 'a secret' }));
  site.telemetry.record(requestRow({ dialect: 'hermes', intent: null, outOfScope: true, totalUs: 900 }));
  site.telemetry.record(requestRow({ intent: null, error: 'overloaded' }));
  return site;
}

async function scraped(site: WebSite): Promise<string> {
  const { status, headers, text } = await site.ask('/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  return text;
}

/** The value of one time series. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('the metrics for Prometheus', () => {
  it('count requests by dialect and outcome, and how long they took', async () => {
    const text = await scraped(await measured());
    expect(valueOf(text, 'intentd_requests_total{dialect="native",outcome="answered"}')).toBe(1);
    expect(valueOf(text, 'intentd_requests_total{dialect="hermes",outcome="out_of_scope"}')).toBe(1);
    expect(valueOf(text, 'intentd_requests_total{dialect="native",outcome="overloaded"}')).toBe(1);
    const duration = 'intentd_request_duration_seconds';
    expect(valueOf(text, `${duration}_bucket{dialect="hermes",le="0.0005"}`)).toBe(0);
    expect(valueOf(text, `${duration}_bucket{dialect="hermes",le="0.001"}`)).toBe(1);
    expect(valueOf(text, `${duration}_bucket{dialect="native",le="+Inf"}`)).toBe(1);
    expect(valueOf(text, `${duration}_sum{dialect="hermes"}`)).toBe(0.0009);
    expect(valueOf(text, `${duration}_count{dialect="native"}`)).toBe(1);
    expect(valueOf(text, 'intentd_intents_total{model="tiny",intent="greet"}')).toBe(1);
    expect(valueOf(text, 'intentd_repeated_requests_total')).toBe(4);
    expect(valueOf(text, 'intentd_queue_requests')).toBe(3);
  });

  it('say in joules and watts what the meter saw', async () => {
    const text = await scraped(await measured());
    expect(valueOf(text, 'intentd_energy_joules_total{use="requests"}')).toBe(1.5);
    expect(valueOf(text, 'intentd_energy_joules_total{use="idle"}')).toBe(8);
    expect(valueOf(text, 'intentd_power_watts{rail="VDD_SOC"}')).toBe(1.5);
    expect(valueOf(text, 'intentd_power_total_watts')).toBe(6);
    expect(text).not.toContain('rail="total"');
  });

  it('never let a counter fall, though noise takes back energy', async () => {
    const site = await measured();
    await scraped(site);
    const lower = { attributedMj: 1400, idleMj: 8000, unmeasuredMs: 250, idleFloorMw: 4700 };
    Object.defineProperty(site.telemetry, 'energy', { value: lower });
    expect(valueOf(await scraped(site), 'intentd_energy_joules_total{use="requests"}')).toBe(1.5);
  });

  it('leave out what nothing measures', async () => {
    const site = await WebSite.open();
    sites.push(site);
    const text = await scraped(site);
    expect(text).not.toMatch(/^intentd_(energy|power|temperature)/m);
    expect(valueOf(text, 'intentd_meter_up')).toBe(0);
  });

  it('hold no text, and a bounded number of series, whatever comes', async () => {
    const site = await measured();
    for (let at = 0; at < 3000; at++) {
      site.telemetry.record(requestRow({ requestId: `id-${at}`, intent: `intent_${at}`, text: 'a secret' }));
    }
    const text = await scraped(site);
    expect(text).not.toMatch(/secret|id-1/);
    expect(text.match(/^intentd_intents_total\{/gm)).toHaveLength(2001);
    expect(valueOf(text, 'intentd_intents_total{model="tiny",intent="other"}')).toBe(3001 - 2000);
  });

  it.skipIf(!havePromtool)('are what promtool check metrics accepts (skipped without promtool)', async () => {
    expect(promtoolSays(await scraped(await measured()))).toEqual({ status: 0, output: '' });
  });
});

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly panels?: readonly Panel[];
}

describe('the Grafana dashboard', () => {
  const file = new URL('../../grafana/intentd.json', import.meta.url);
  const dashboard = JSON.parse(readFileSync(file, 'utf8')) as {
    panels: Panel[];
    templating: { list: { name: string; query: string }[] };
    __inputs: { name: string; type: string; pluginId: string }[];
    schemaVersion: number;
    uid: string;
  };
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const queries = [
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.map(({ query }) => query),
  ];

  it('asks only for metrics and labels that the agent has', async () => {
    const text = await scraped(await measured());
    const named = queries.flatMap((query) =>
      [...query.matchAll(/\b(?:intentd|process|nodejs)_[a-z_]+/g)].map(String),
    );
    expect(named.length).toBeGreaterThan(15);
    for (const name of new Set(named)) expect(text).toMatch(new RegExp(`^${name}(\\{|\\s)`, 'm'));
    const labels = queries.flatMap((query) =>
      [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(',').map((one) => one.trim())),
    );
    // Prometheus adds the first two.
    for (const label of new Set(labels)) {
      if (!['instance', 'job'].includes(label)) expect(text).toMatch(new RegExp(`[{,]${label}="`));
    }
  });

  it('is laid out as Grafana imports it: a data source to choose, panels with titles and places of their own', () => {
    expect(dashboard.__inputs).toMatchObject([{ type: 'datasource', pluginId: 'prometheus' }]);
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    expect(dashboard.uid).toMatch(/^[a-zA-Z0-9_-]{1,40}$/);
    const places = dashboard.panels.map((panel) =>
      JSON.stringify((panel as unknown as { gridPos: object }).gridPos),
    );
    expect(new Set(places).size).toBe(dashboard.panels.length);
    expect(panels.every(({ title }) => title !== '')).toBe(true);
  });
});
