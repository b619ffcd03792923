import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../../src/base/index.js';
import { Web } from '../../../src/telemetry/index.js';
import { requestRow } from '../../support/requestRow.js';
import { until } from '../../support/until.js';
import { agentView, WebSite } from '../../support/webSite.js';

const sites: WebSite[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const site of sites.splice(0)) await site.close();
});

async function opened(...given: Parameters<typeof WebSite.open>): Promise<WebSite> {
  const site = await WebSite.open(...given);
  sites.push(site);
  return site;
}

/** A client of the stream, and what it read. */
async function listening(site: WebSite): Promise<{ socket: Socket; text: () => string }> {
  const socket = createConnection({ host: '127.0.0.1', port: site.port });
  sockets.push(socket);
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return { socket, text: () => text };
}

/** What the events of a name say, oldest first. */
function eventsOf(text: string, name: string): Record<string, unknown>[] {
  const found = text.matchAll(new RegExp(`event: ${name}\\ndata: (.*)\\n\\n`, 'g'));
  return [...found].map(([, data]) => JSON.parse(data!) as Record<string, unknown>);
}

describe('the stream of the dashboard', () => {
  it('begins with how things stand, tells an answer at once and figures every second', async () => {
    const site = await opened();
    site.telemetry.record(requestRow({ intent: 'lights_on', text: 'a secret' }));
    const { text } = await listening(site);
    await until(() => eventsOf(text(), 'hello').length === 1);
    const [hello] = eventsOf(text(), 'hello');
    expect(hello).toMatchObject({ agent: agentView, newest: [{ intent: 'lights_on', totalMs: 1 }] });
    site.telemetry.record(requestRow({ intent: null, outOfScope: true }));
    await until(() => eventsOf(text(), 'answers').length === 1);
    expect(eventsOf(text(), 'answers')[0]).toMatchObject([{ intent: null, outOfScope: true }]);
    await until(() => eventsOf(text(), 'second').length === 2);
    expect(eventsOf(text(), 'second').at(-1)).toMatchObject({
      second: { railsW: null },
      standing: {
        answered: 2,
        outOfScope: 1,
        intents: [{ intent: 'lights_on', count: 1 }],
        minute: { answered: 2 },
      },
    });
    expect(text()).not.toContain('a secret');
  });

  it('is for sixteen pages: the next is refused, and one that leaves makes room', async () => {
    const site = await opened();
    const pages = await Promise.all(Array.from({ length: 16 }, () => listening(site)));
    await until(() => pages.every(({ text }) => text().includes('event: hello')));
    const refused = await site.ask('/live');
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '10' } });
    pages[0]!.socket.destroy();
    await until(() => pages[1]!.text().includes('event: second'));
    const next = await listening(site);
    await until(() => next.text().includes('event: hello'));
  });

  it('lets go of a page that does not read', async () => {
    let told = 0;
    // More than two sockets hold unread, and another one each time.
    const agent = () => ({ ...agentView, device: `${(told += 1)}${'x'.repeat(8_000_000)}` });
    const site = await opened({}, { agent });
    const page = () => {
      const socket = createConnection({ host: '127.0.0.1', port: site.port });
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.write('GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n');
      return socket;
    };
    const [slow, quick] = [page(), page()];
    let closed = false;
    slow.on('close', () => (closed = true));
    await once(slow, 'readable');
    let readBytes = 0;
    quick.on('data', (chunk) => (readBytes += chunk.length));
    await until(() => readBytes > 40_000_000, 20_000);
    // The agent's end was closed: what the kernel still holds is the last of it.
    slow.resume();
    await until(() => closed);
    const before = readBytes;
    await until(() => readBytes > before);
  }, 40_000);

  it('ends with the agent, at once', async () => {
    const site = await opened();
    const { socket, text } = await listening(site);
    await until(() => text().includes('event: hello'));
    const ended = once(socket, 'close');
    const before = performance.now();
    await site.web.stop();
    await ended;
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

describe('a dashboard whose port is taken', () => {
  it('is missing, which is told, and the agent goes on', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const said: string[] = [];
    const log = {
      ...silentLogger,
      warn: (fields: object, message: string) => void said.push(message, JSON.stringify(fields)),
    };
    const site = await opened();
    const options = { host: '127.0.0.1', port, names: [], token: undefined, logPath: '/nonexistent' };
    const sources = {
      telemetry: site.telemetry,
      agent: () => agentView,
      counters: () => ({}) as never,
      ask: () => Promise.reject(new Error('not asked here')),
    };
    const web = new Web(options, sources, systemClock, log);
    await web.start();
    expect(web.url).toBeUndefined();
    expect(said.join()).toContain(`127.0.0.1:${port}`);
    expect(said.join()).toContain('web.port');
    await web.stop();
    server.close();
  });
});
