import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/index.js';
import { loadConfig } from '../../src/config/index.js';
import { Daemon } from '../../src/daemon.js';
import { Agent, intentd } from '../support/agent.js';
import { haveChromium, startChromium } from '../support/chromium.js';
import { havePromtool, promtoolSays } from '../support/promtool.js';
import { boards, SysfsTree } from '../support/sysfsTree.js';

const agents: Agent[] = [];
const clients: MqttClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});

async function started(...more: string[]): Promise<{ agent: Agent; url: string }> {
  const agent = new Agent();
  agents.push(agent);
  await agent.start('--set', 'telemetry.commitSeconds=0.2', ...more);
  const { url } = agent.log.find(({ msg }) => msg === 'dashboard and metrics')! as { url: string };
  return { agent, url };
}

async function sending(agent: Agent): Promise<(text: string) => void> {
  const mqtt = await connectAsync(agent.url);
  clients.push(mqtt);
  return (text) => void mqtt.publish('intentd/agent/request', text, { qos: 1 });
}

describe.skipIf(!haveChromium)('the dashboard in Chromium (skipped without one)', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  }, 60_000);
  afterAll(async () => {
    await browser.close();
  });

  /** A page, and what it must not do: errors it made, and requests to anybody but the agent. */
  async function opened(
    url: string,
    options = {},
  ): Promise<{ page: Page; errors: string[]; outside: string[] }> {
    const page = await browser.newPage(options);
    const [errors, outside]: [string[], string[]] = [[], []];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) outside.push(request.url());
    });
    await page.goto(url);
    await page.locator('#state[data-state=online]').waitFor();
    return { page, errors, outside };
  }

  it('shows a request that comes over MQTT while it is open within a second, and asks nobody else', async () => {
    const { agent, url } = await started();
    const { page, errors, outside } = await opened(url);
    const send = await sending(agent);
    await page.getByText('Nothing was asked since the start.').waitFor();
    // The first request of all warms the way up.
    send('crack a joke for the two of us');
    await page.locator('#newest tr').first().waitFor();
    const before = performance.now();
    send('how many calories are in a banana');
    await page.locator('#newest tr', { hasText: 'calories' }).waitFor();
    expect(performance.now() - before).toBeLessThan(1000);
    await page.locator('#intents li', { hasText: 'tell joke' }).waitFor();
    await page.getByText('Power and energy are not measured here.').waitFor();
    await expect.poll(() => page.locator('#p50').textContent()).toMatch(/^\d/);
    for (const range of ['Hour', 'Day']) {
      await page.getByRole('button', { name: range }).click();
      await expect
        .poll(() => page.locator('#rateChart .plot').getAttribute('aria-label'))
        .toMatch(/answered 0?\.?\d/);
      await expect.poll(() => page.locator('#historyNote').textContent()).toBe('');
    }
    expect({ errors, outside }).toEqual({ errors: [], outside: [] });
    await page.close();
  }, 60_000);

  it('answers what is tried in its box, by keyboard alone, and keeps its text out of the log', async () => {
    const { agent, url } = await started();
    const { page, errors } = await opened(url);
    await page.getByRole('textbox', { name: 'Utterance' }).fill('crack a joke for the two of us');
    await page.keyboard.press('Enter');
    await page.locator('#tryAnswer strong', { hasText: 'tell joke' }).waitFor();
    await page.locator('#newest tr', { hasText: 'tell joke' }).waitFor();
    expect(await page.locator('#tryAnswer li').count()).toBe(4);
    await page
      .getByRole('textbox', { name: 'Utterance' })
      .fill('my  zebra <b>recites</b> the phone book backwards');
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.locator('#tryAnswer strong', { hasText: 'out of scope' }).waitFor();
    await expect
      .poll(
        async () => (await intentd('log', ...agent.options, '--json', '-n', '2')).out.split('\n').length,
        {
          timeout: 10_000,
        },
      )
      .toBeGreaterThan(1);
    const { out } = await intentd('log', ...agent.options, '--json', '-n', '2');
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ dialect }) => dialect)).toEqual(['dashboard', 'dashboard']);
    expect(rows.every(({ text }) => text === null)).toBe(true);
    expect(JSON.stringify(agent.log)).not.toContain('zebra');
    expect(errors).toEqual([]);
    await page.close();
  }, 60_000);

  it('stacks the rails of a board, and fits a phone', async () => {
    const tree = SysfsTree.ofJetson(boards.orinNano);
    const { agent, url } = await started(
      '--set',
      `telemetry.sysfs=${tree.root}`,
      '--set',
      'engine.kind=onnxruntime',
    );
    const phone = { viewport: { width: 390, height: 844 }, isMobile: true, colorScheme: 'dark' };
    const { page, errors } = await opened(url, phone);
    await expect
      .poll(() => page.locator('#powerChart .legend').textContent(), { timeout: 15_000 })
      .toBe('VDD_CPU_GPU_CV 1.50 WVDD_SOC 1.25 Wrest 2.25 W');
    (await sending(agent))('how many calories are in a banana');
    await expect.poll(() => page.locator('#energy').textContent(), { timeout: 15_000 }).toMatch(/^\d/);
    const widest = await page.evaluate('document.documentElement.scrollWidth');
    expect(widest).toBe(390);
    expect(errors).toEqual([]);
    await page.close();
  }, 60_000);

  it('says when the agent is gone, and finds it again', async () => {
    const { agent, url } = await started();
    const { port } = new URL(url);
    const { page } = await opened(url);
    expect(await agent.end()).toBe(0);
    await page.locator('#state[data-state=lost]').waitFor();
    await agent.start('--set', `web.port=${port}`);
    await page.locator('#state[data-state=online]').waitFor();
    await page.close();
  }, 60_000);
});

describe('an agent that serves metrics', () => {
  it('counts its requests, and stops in time while a page listens', async () => {
    const { agent, url } = await started();
    await fetch(`${url}try`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'crack a joke for the two of us', deadlineMs: 5000 }),
    });
    const text = await (await fetch(`${url}metrics`)).text();
    expect(text).toContain('intentd_requests_total{dialect="dashboard",outcome="answered"} 1');
    expect(text).toMatch(/^intentd_intents_total\{model="clinc150-minilm-l6",intent="tell_joke"\} 1$/m);
    expect(text).toMatch(/^intentd_engine_info\{engine="[0-9a-f]{12}",kind="onnxruntime",/m);
    if (havePromtool) expect(promtoolSays(text)).toEqual({ status: 0, output: '' });
    const listening = await fetch(`${url}live`);
    const before = performance.now();
    expect(await agent.end()).toBe(0);
    expect(performance.now() - before).toBeLessThan(5000);
    await listening.body!.cancel().catch(() => undefined);
  }, 60_000);

  it('takes what is tried as the protocol says, and refuses what it refuses', async () => {
    const { url } = await started();
    const tried = async (body: string) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${url}try`, { method: 'POST', headers, body });
      return [response.status, ((await response.json()) as { error?: { code: string } }).error?.code];
    };
    const joke = '{"text":"crack a joke for the two of us","id":"again","deadlineMs":5000}';
    expect(await tried(joke)).toEqual([200, undefined]);
    expect(await tried(joke)).toEqual([200, undefined]);
    expect(await tried('{"text":""}')).toEqual([400, 'bad_request']);
    expect(await tried(`{"text":"${'x'.repeat(5000)}"}`)).toEqual([413, 'too_large']);
    expect(await tried('{"text":"hello","model":"nobody"}')).toEqual([400, 'bad_request']);
  }, 60_000);
});

describe('an agent whose dashboard others could reach', () => {
  const agent = new Agent();
  async function daemon(settings: Record<string, string>): Promise<Daemon> {
    const flags = { stateDir: agent.stateDir, 'web.host': '0.0.0.0', ...settings };
    const { config } = await loadConfig({ env: {}, file: '/dev/null', flags });
    return new Daemon({ config, env: {}, version: '0.1.0', log: silentLogger });
  }

  it('demands a token, and a long one', async () => {
    const tokenFile = join(agent.stateDir, 'token');
    writeFileSync(tokenFile, 'short\n');
    await expect(daemon({})).rejects.toThrow(/web\.tokenFile/);
    await expect(daemon({ 'web.tokenFile': tokenFile })).rejects.toThrow(/at least 16/);
    writeFileSync(tokenFile, 'long enough to be no guess\n');
    await expect(daemon({ 'web.tokenFile': tokenFile })).resolves.toBeInstanceOf(Daemon);
    await expect(daemon({ 'web.enabled': 'false' })).resolves.toBeInstanceOf(Daemon);
  });
});
