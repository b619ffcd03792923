import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readBundle } from '../../src/model/index.js';
import { Certificates, haveOpenssl } from '../support/certificates.js';
import type { FileServer } from '../support/fileServer.js';
import { HttpsFleet } from '../support/httpsFleet.js';
import { UpdateClient, outcomeOf } from '../support/updateClient.js';

const dayMs = 24 * 3600_000;
const fleet = new HttpsFleet();
let oldState: string;
let server: FileServer;

/** A copy of the repository as it is now. */
function copyOf(repository: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'intentd-copy-')), 'repository');
  cpSync(repository, copy, { recursive: true });
  return copy;
}

function metadata(folder: string, name: string): string {
  return join(folder, 'metadata', name);
}

beforeAll(async () => {
  await fleet.open();
  oldState = copyOf(fleet.repository);
  await fleet.expire();
  await fleet.add({ parts: { version: '2.0.0' }, headHidden: 8 });
});

afterEach(() => fleet.stopAll());

/** A device that has seen the newest state. */
async function knowing(options: Parameters<HttpsFleet['client']>[1] = {}): Promise<UpdateClient> {
  server = await fleet.serve();
  const device = fleet.client(server.url, options);
  expect((await device.offer()).release.version).toBe('2.0.0');
  return device;
}

/** What comes of a check against another state of the server, and that the right one is still taken. */
async function attacked(device: UpdateClient, folder: string): Promise<string> {
  server.folder = folder;
  const outcome = await outcomeOf(device.offers());
  server.folder = fleet.repository;
  server.misbehave = () => false;
  expect(await outcomeOf(device.offers())).toBe('done');
  return outcome;
}

describe.skipIf(!haveOpenssl)('fault 17: a rollback', () => {
  it('to a whole older repository is rejected', async () => {
    expect(await attacked(await knowing(), oldState)).toBe('untrusted');
  });

  it.each(['timestamp', 'snapshot', 'targets', 'model-tiny'])('of %s alone is rejected', async (role) => {
    const device = await knowing();
    const mixed = copyOf(fleet.repository);
    const newest = (folder: string): string =>
      role === 'timestamp'
        ? 'timestamp.json'
        : readdirSync(join(folder, 'metadata'))
            .filter((name) => name.endsWith(`.${role}.json`))
            .sort((a, b) => parseInt(a) - parseInt(b))
            .at(-1)!;
    // A new timestamp makes the device ask for everything.
    await fleet.expire();
    cpSync(join(fleet.repository, 'metadata'), join(mixed, 'metadata'), { recursive: true });
    const old = role === 'targets' ? '1.targets.json' : newest(oldState);
    cpSync(metadata(role === 'targets' ? fleet.repository : oldState, old), metadata(mixed, newest(mixed)));
    const fresh = fleet.client(server.url);
    server.folder = mixed;
    expect(await outcomeOf(fresh.offers())).toBe(role === 'timestamp' ? 'done' : 'untrusted');
    if (role === 'timestamp' || role === 'snapshot') expect(await attacked(device, mixed)).toBe('untrusted');
  });

  it('is rejected also after the device’s own metadata was torn to half', async () => {
    const device = await knowing();
    const generations = join(device.folder, 'update', 'metadata');
    const newest = join(
      generations,
      readdirSync(generations)
        .sort((a, b) => Number(a) - Number(b))
        .at(-1)!,
    );
    for (const name of ['timestamp.json', 'snapshot.json']) {
      const bytes = readFileSync(join(newest, name));
      writeFileSync(join(newest, name), bytes.subarray(0, bytes.length / 2));
    }
    expect(await attacked(device, oldState)).toBe('rollback');
  });
});

describe.skipIf(!haveOpenssl)('fault 18: expired metadata', () => {
  it('is refused and told, with the clock right and at 1970 after it was right once', async () => {
    let nowMs = Date.now();
    const device = await knowing({ clock: { wall: () => nowMs } });
    nowMs += 15 * dayMs;
    await expect(device.offers()).rejects.toMatchObject({ code: 'expired' });
    nowMs = 0;
    await device.offers();
    const early = fleet.client(server.url, { builtAtMs: Date.now() + 15 * dayMs, clock: { wall: () => 0 } });
    await expect(early.offers()).rejects.toMatchObject({ code: 'expired' });
  });

  it('stops a download that was offered before', async () => {
    let nowMs = Date.now();
    const device = await knowing({ clock: { wall: () => nowMs } });
    const offer = await device.offer();
    nowMs += 15 * dayMs;
    expect(await outcomeOf(device.fetch(offer))).toBe('expired');
    expect(existsSync(join(device.folder, 'incoming-2.0.0'))).toBe(false);
  });
});

describe.skipIf(!haveOpenssl)('fault 19: what a server must not get through', () => {
  it('mix and match: files of two states', async () => {
    const device = await knowing();
    await fleet.expire();
    const mixed = copyOf(fleet.repository);
    const { version } = fleet.metadata('timestamp.json').signed as unknown as { version: number };
    cpSync(metadata(mixed, `${version - 1}.snapshot.json`), metadata(mixed, `${version}.snapshot.json`));
    expect(await attacked(device, mixed)).toBe('untrusted');
  });

  it.each(['timestamp.json', '2.root.json'])(
    'endless %s, with and without an announced length',
    async (name) => {
      const device = await knowing();
      let sent = 0;
      server.misbehave = (request, response) => {
        if (request.url !== `/metadata/${name}`) return false;
        const more = (): void => {
          for (;;) {
            sent += 16_384;
            if (sent > 64e6 || response.destroyed) return;
            if (!response.write(Buffer.alloc(16_384, 0x20))) break;
          }
          response.once('drain', more);
        };
        more();
        return true;
      };
      expect(await attacked(device, fleet.repository)).toBe('too_large');
      // What lies in buffers on the way was sent as well.
      expect(sent).toBeLessThan(32e6);
      server.misbehave = (request, response) => {
        if (request.url !== `/metadata/${name}`) return false;
        response.writeHead(200, { 'Content-Length': 1e12 }).flushHeaders();
        return true;
      };
      expect(await attacked(device, fleet.repository)).toBe('too_large');
    },
  );

  it.each([
    ['endless', 'too_large', (file: Buffer) => Buffer.concat([file, Buffer.alloc(1e6)])],
    ['longer by a byte', 'too_large', (file: Buffer) => Buffer.concat([file, Buffer.alloc(1)])],
    ['shorter by a byte', 'untrusted', (file: Buffer) => file.subarray(1)],
    ['changed in a bit', 'untrusted', (file: Buffer) => Buffer.from(file).fill(file[99]! ^ 1, 99, 100)],
  ])('a file of a bundle that is %s', async (_, code, change) => {
    const device = await knowing();
    const offer = await device.offer();
    const { path } = fleet.stored('encoder.safetensors');
    for (const announced of [true, false]) {
      server.misbehave = (request, response, file) => {
        if (request.url !== `/${path}`) return false;
        const bytes = change(file!);
        if (announced) response.writeHead(200, { 'Content-Length': bytes.length });
        response.write(bytes, () => response.end());
        return true;
      };
      const outcome = await outcomeOf(device.fetch(offer));
      // Without an announced length a short file is one that was cut.
      expect(outcome).toBe(!announced && change(Buffer.alloc(200)).length < 200 ? 'unreachable' : code);
      const left = readdirSync(join(device.folder, 'incoming-2.0.0'));
      expect(left).not.toContain('encoder.safetensors');
      expect(left).not.toContain('manifest.json');
    }
    server.misbehave = () => false;
    await readBundle(await device.fetch(offer));
  });

  it.each(['silent before it answers', 'silent after it began', 'a byte now and then'])(
    'a server that is %s',
    async (how) => {
      const device = await knowing({ limits: { stallMs: 300, maxFruitless: 1 } });
      const timers: NodeJS.Timeout[] = [];
      server.misbehave = (_, response) => {
        if (how === 'silent before it answers') return true;
        response.writeHead(200, { 'Content-Length': 1000 }).write(' ');
        if (how === 'a byte now and then') timers.push(setInterval(() => response.write(' '), 50));
        return true;
      };
      const begun = performance.now();
      const outcome = await attacked(device, fleet.repository);
      for (const timer of timers) clearInterval(timer);
      expect(outcome).toBe('unreachable');
      expect(performance.now() - begun).toBeLessThan(15_000);
    },
  );

  it('a server that is just fast enough, for ever: the deadline ends it, and what came is kept', async () => {
    const device = await knowing({ limits: { fetchMs: 4000, leastBytes: 1 } });
    const offer = await device.offer();
    const { path } = fleet.stored('encoder.safetensors');
    const timers: NodeJS.Timeout[] = [];
    server.misbehave = (request, response, file) => {
      if (request.url !== `/${path}`) return false;
      response.writeHead(200, { 'Content-Length': file!.length });
      let at = 0;
      timers.push(setInterval(() => response.write(file!.subarray(at, ++at)), 20));
      return true;
    };
    await expect(device.fetch(offer)).rejects.toThrow(/took longer than 4 s/);
    for (const timer of timers) clearInterval(timer);
    expect(readdirSync(join(device.folder, 'incoming-2.0.0'))).toContain('.encoder.safetensors.part');
  });

  it('a root that was rotated, and rotated again, is followed over the network', async () => {
    const other = await new HttpsFleet().init();
    await other.add();
    const own = new Certificates();
    own.authority('ca');
    own.server('right', 'IP:127.0.0.1');
    server = await fleet.serve('right', other.repository);
    const device = new UpdateClient(server.url, other.firstRoot, {
      http: { ca: fleet.certificates.pem('ca'), environment: {} },
    });
    await device.offers();
    await other.rotate('root');
    await other.rotate('root', { keys: 3, threshold: 2 });
    await other.rotate('timestamp');
    await readBundle(await device.fetch());
  });

  it.each(['too few', 'repeated', 'of another key'])('signatures that are %s', async (how) => {
    const other = await new HttpsFleet().init({ roles: { timestamp: { keys: 2, threshold: 2 } } });
    await other.add();
    server = await fleet.serve('right', other.repository);
    const device = new UpdateClient(server.url, other.firstRoot, {
      http: { ca: fleet.certificates.pem('ca'), environment: {} },
    });
    const file = other.metadata('timestamp.json');
    const [first, second] = file.signatures;
    const stranger = fleet.metadata('timestamp.json').signatures[0]!;
    file.signatures = {
      'too few': [first!],
      repeated: [first!, first!, { keyid: second!.keyid, sig: first!.sig }],
      'of another key': [first!, stranger],
    }[how]!;
    const forged = copyOf(other.repository);
    writeFileSync(metadata(forged, 'timestamp.json'), JSON.stringify(file));
    server.folder = forged;
    expect(await outcomeOf(device.offers())).toBe('untrusted');
    server.folder = other.repository;
    expect(await outcomeOf(device.offers())).toBe('done');
  });
});
