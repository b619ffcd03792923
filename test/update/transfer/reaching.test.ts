import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readBundle } from '../../../src/model/index.js';
import { haveOpenssl } from '../../support/certificates.js';
import type { ConnectProxy } from '../../support/connectProxy.js';
import type { FileServer } from '../../support/fileServer.js';
import { HttpsFleet } from '../../support/httpsFleet.js';
import { outcomeOf } from '../../support/updateClient.js';

const fleet = new HttpsFleet();
beforeAll(async () => {
  await fleet.open();
  if (!haveOpenssl) return;
  fleet.certificates.authority('stranger');
  fleet.certificates.server('elsewhere', 'DNS:updates.example');
  fleet.certificates.server('expired', 'IP:127.0.0.1', -1);
});
afterEach(() => fleet.stopAll());

describe.skipIf(!haveOpenssl)('a repository over HTTPS', () => {
  it('brings a whole bundle over two connections: one to look, one to fetch', async () => {
    const server = await fleet.serve();
    const device = fleet.client(server.url);
    const offer = await device.offer();
    expect((await readBundle(await device.fetch(offer))).digest).toBe(offer.release.manifest);
    expect(server.connections).toBe(2);
    const total = readdirSync(fleet.bundle).reduce(
      (sum, name) => sum + statSync(join(fleet.bundle, name)).size,
      0,
    );
    expect(device.fetchedBytes).toBe(total);
  });

  it.each([
    ['another authority', 'right', 'stranger', /unable to verify|self.signed|unable to get/],
    ['another host', 'elsewhere', 'ca', /altnames/],
    ['an expired certificate', 'expired', 'ca', /certificate has expired/],
  ])(
    'that shows %s is not asked for anything, and the setting that helps is named',
    async (_, shown, ca, why) => {
      const server = await fleet.serve(shown);
      const device = fleet.client(server.url, { http: { ca: fleet.certificates.pem(ca) } });
      await expect(device.offers()).rejects.toThrow(why);
      await expect(device.offers()).rejects.toThrow(/update\.caFile/);
      expect(server.requests).toEqual([]);
    },
  );

  it('whose server is not there is unreachable', async () => {
    const server = await fleet.serve();
    const device = fleet.client(server.url);
    await fleet.stopAll();
    expect(await outcomeOf(device.offers())).toBe('unreachable');
  });

  it('that is no repository says so', async () => {
    const server = await fleet.serve('right', fleet.bundle);
    await expect(fleet.client(server.url).offers()).rejects.toThrow(/no repository/);
  });

  it('over plain HTTP is refused from another machine, and taken from this one', async () => {
    const server = await fleet.servePlain();
    await readBundle(await fleet.client(server.url).fetch());
    expect(() => fleet.client('http://updates.example/')).toThrow(/allowHttp/);
    expect(() => fleet.client('http://updates.example/', { http: { allowHttp: true } })).not.toThrow();
  });

  it.each(['https://user:secret@host/', 'https://host/?query', 'https://host/#part'])(
    'at %s is refused',
    (url) => {
      expect(() => fleet.client(url)).toThrow(/neither user, query nor fragment/);
    },
  );
});

describe.skipIf(!haveOpenssl)('a redirect', () => {
  async function redirecting(to: (path: string, hop: number) => string): Promise<FileServer> {
    const server = await fleet.serve();
    let hop = 0;
    server.misbehave = (request, response) => {
      response.writeHead(302, { Location: to(request.url!, ++hop) }).end();
      return true;
    };
    return server;
  }

  it('to another host over HTTPS is followed', async () => {
    const other = await fleet.serve();
    const server = await redirecting((path) => other.url + path.slice(1));
    await readBundle(await fleet.client(server.url).fetch());
  });

  it.each([
    ['to plain HTTP', (_: string, port: number) => `http://127.0.0.1:${port}/`, /refused/],
    ['to a file', () => 'file:///etc/passwd', /refused/],
    ['with a user', (_: string, port: number) => `https://a:b@127.0.0.1:${port}/`, /refused/],
    ['in a circle', (path: string) => path, /more than 5 times/],
  ])('%s ends there', async (_name, to, why) => {
    const other = await fleet.servePlain();
    const server = await redirecting((path) => to(path, other.port));
    await expect(fleet.client(server.url).offers()).rejects.toThrow(why);
    expect(other.requests).toEqual([]);
  });
});

describe.skipIf(!haveOpenssl)('a proxy', () => {
  async function proxied(secret?: string): Promise<{ proxy: ConnectProxy; server: FileServer }> {
    const proxy = await fleet.proxy();
    proxy.secret = secret;
    return { proxy, server: await fleet.serve() };
  }

  it.each(['the configuration', 'HTTPS_PROXY', 'https_proxy'])(
    'named by %s connects, and sees nothing else',
    async (by) => {
      const { proxy, server } = await proxied();
      const url = `http://${proxy.host}`;
      const http = by === 'the configuration' ? { proxy: url } : { environment: { [by]: url } };
      await readBundle(await fleet.client(server.url, { http }).fetch());
      expect(new Set(proxy.connects)).toEqual(new Set([`127.0.0.1:${server.port}`]));
      expect(proxy.requests).toEqual([]);
    },
  );

  it.each([
    ['127.0.0.1', 0],
    ['127.0.0.0/8', 0],
    ['*', 0],
    ['updates.example, 127.0.0.1:1', 1],
    ['10.0.0.0/8,::1', 1],
  ])('is left out or not where NO_PROXY is %s', async (list, uses) => {
    const { proxy, server } = await proxied();
    const environment = { HTTPS_PROXY: `http://${proxy.host}`, NO_PROXY: list };
    await fleet.client(server.url, { http: { environment } }).offers();
    expect(proxy.connects).toHaveLength(uses);
  });

  it('that wants a password gets it, and says so where it is missing or wrong', async () => {
    const { proxy, server } = await proxied('edge:p@ss');
    const ask = (user: string) =>
      fleet
        .client(server.url, { http: { environment: { HTTPS_PROXY: `http://${user}${proxy.host}` } } })
        .offers();
    await expect(ask('')).rejects.toThrow(/wants a user and a password/);
    await expect(ask('edge:wrong@')).rejects.toThrow(/wants a user and a password/);
    await ask('edge:p%40ss@');
    expect(proxy.connects).toHaveLength(1);
  });

  it('that is not there, or is none, is a clear reason without its password', async () => {
    const { proxy, server } = await proxied();
    const { url } = server;
    const away = fleet.client(url, { http: { proxy: `http://u:secret@${proxy.host}` } });
    await fleet.stopAll();
    await expect(away.offers()).rejects.toThrow(/proxy .* is not reached/);
    await expect(away.offers()).rejects.not.toThrow(/secret/);
    await expect(fleet.client(url, { http: { proxy: 'socks5://u:secret@host' } }).offers()).rejects.toThrow(
      /^The proxy is none: expected/,
    );
  });
});
