import { afterEach, describe, expect, it } from 'vitest';
import { WebSite } from '../../support/webSite.js';

const sites: WebSite[] = [];
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close();
});

async function opened(...given: Parameters<typeof WebSite.open>): Promise<WebSite> {
  const site = await WebSite.open(...given);
  sites.push(site);
  return site;
}

const token = 'a token of some length';
const json = { 'content-type': 'application/json' };

describe('who may ask the dashboard', () => {
  it('is whoever calls it by an address, localhost or a configured name: a rebound name is given away', async () => {
    const site = await opened({ names: ['Kitchen.local'] });
    for (const host of [
      '127.0.0.1',
      '127.0.0.1:80',
      '[::1]:1',
      'LOCALHOST:9883',
      'kitchen.local',
      '10.1.2.3',
    ]) {
      expect([host, (await site.ask('/metrics', { headers: { host } })).status]).toEqual([host, 200]);
    }
    const strange = [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'a@localhost',
      'x/y',
    ];
    for (const host of strange) {
      expect([host, (await site.ask('/', { headers: { host } })).status]).toEqual([host, 403]);
    }
    expect((await site.ask('/', { headers: { host: 'evil.example' } })).text).toContain('web.names');
  });

  it('is no page of another origin', async () => {
    const site = await opened();
    const host = `127.0.0.1:${site.port}`;
    const from = (origin: string, method = 'GET') =>
      site.ask(method === 'GET' ? '/live' : '/try', {
        method,
        headers: { host, origin, ...json },
        body: '{}',
      });
    for (const origin of [
      'http://evil.example',
      'null',
      'http://127.0.0.1:1',
      `https://127.0.0.2:${site.port}`,
    ]) {
      expect([origin, (await from(origin)).status]).toEqual([origin, 403]);
      expect([origin, (await from(origin, 'POST')).status]).toEqual([origin, 403]);
    }
    expect((await from(`http://${host}`, 'POST')).status).toBe(200);
  });

  it('must hold the token where there is one, as a bearer or as a password', async () => {
    const site = await opened({ token });
    const basic = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
    const ask = async (authorization?: string, path = '/') =>
      (await site.ask(path, { headers: authorization === undefined ? {} : { authorization } })).status;
    const wrong = [
      undefined,
      'Bearer',
      'Bearer wrong',
      `Digest ${token}`,
      basic(''),
      basic(`${token}x`),
      'Basic %',
    ];
    for (const authorization of wrong) {
      expect([authorization, await ask(authorization)]).toEqual([authorization, 401]);
    }
    expect(await ask(undefined, '/metrics')).toBe(401);
    expect(await ask(basic(token))).toBe(200);
    const simple = await opened({ token: 'a-token-without-blanks' });
    const told = await simple.ask('/metrics', {
      headers: { authorization: 'Bearer a-token-without-blanks' },
    });
    expect(told.status).toBe(200);
    expect((await simple.ask('/')).headers['www-authenticate']).toMatch(/^Basic /);
  });
});

describe('what may be asked of the dashboard', () => {
  it('is to get what there is, and to post an utterance', async () => {
    const site = await opened();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'HEAD']) {
      const { status, headers } = await site.ask('/metrics', { method });
      expect([method, status, headers.allow]).toEqual([method, 405, 'GET']);
    }
    expect((await site.ask('/try')).headers.allow).toBe('POST');
    // What browsers ask before a page of another origin may send JSON.
    expect((await site.ask('/try', { method: 'OPTIONS' })).status).toBe(405);
    for (const path of ['/package.json', '/../package.json', '/%2e%2e/package.json', '//', '/main.ts']) {
      expect([path, (await site.ask(path)).status]).toEqual([path, 404]);
    }
  });

  it('every answer forbids scripts, requests and frames from elsewhere', async () => {
    const site = await opened();
    for (const path of ['/', '/metrics', '/nothing', '/history?range=year']) {
      const { headers } = await site.ask(path);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('an utterance comes as JSON, and not too long', async () => {
    const site = await opened();
    const post = (headers: object, body: string) => site.ask('/try', { method: 'POST', headers, body });
    expect((await post({ 'content-type': 'text/plain' }, '{"text":"hi"}')).status).toBe(415);
    expect((await post({}, '{"text":"hi"}')).status).toBe(415);
    expect((await post(json, 'x'.repeat(70_000))).status).toBe(413);
    expect(await post(json, '{"text":"hi"}')).toMatchObject({ status: 200, text: '{"text":"hi"}' });
  });

  it('tells a refusal of the agent by its status, too', async () => {
    const payload = '{"error":{"code":"overloaded","message":"…"}}';
    const site = await opened({}, { ask: () => Promise.resolve({ error: 'overloaded', payload }) });
    const told = await site.ask('/try', { method: 'POST', headers: json, body: '{}' });
    expect(told).toMatchObject({ status: 503, text: payload });
  });

  it('sends a file of the page once, as long as it stays the same', async () => {
    const site = await opened();
    const first = await site.ask('/uPlot.js');
    expect(first).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/javascript; charset=utf-8' },
    });
    expect(first.text).toContain('uPlot');
    const again = await site.ask('/uPlot.js', { headers: { 'if-none-match': first.headers.etag } });
    expect(again).toMatchObject({ status: 304, text: '' });
  });
});
