import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readBundle } from '../../../src/model/index.js';
import { haveOpenssl } from '../../support/certificates.js';
import { etagOf } from '../../support/fileServer.js';
import { HttpsFleet } from '../../support/httpsFleet.js';
import { outcomeOf } from '../../support/updateClient.js';

const fleet = new HttpsFleet();
beforeAll(() => fleet.open());
afterEach(() => fleet.stopAll());

describe.skipIf(!haveOpenssl)('a download over HTTPS', () => {
  it('that is cut goes on where it was, each byte once', async () => {
    const server = await fleet.serve();
    let cuts = 0;
    const { path: encoder, bytes } = fleet.stored('encoder.safetensors');
    server.misbehave = (request, response, file) => {
      if (request.url !== `/${encoder}` || cuts === 3) return false;
      const from = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
      const until = Math.floor((bytes * ++cuts) / 4);
      response.writeHead(from === 0 ? 200 : 206, {
        'Content-Length': bytes - from,
        ...(from === 0 ? {} : { 'Content-Range': `bytes ${from}-${bytes - 1}/${bytes}` }),
        ETag: etagOf(file!),
      });
      response.write(file!.subarray(from, until), () => response.destroy());
      return true;
    };
    const device = fleet.client(server.url);
    await readBundle(await device.fetch());
    expect(cuts).toBe(3);
    expect(device.fetchedBytes).toBe(device.progress.at(-1)!.totalBytes);
  });

  it('that is interrupted goes on in a later process', async () => {
    const server = await fleet.serve();
    const device = fleet.client(server.url);
    const offer = await device.offer();
    const { path: encoder, bytes } = fleet.stored('encoder.safetensors');
    server.misbehave = (request, response, file) => {
      if (request.url !== `/${encoder}`) return false;
      response.writeHead(200, { 'Content-Length': bytes });
      if (request.headers.range !== undefined) response.destroy();
      else response.write(file!.subarray(0, bytes / 2), () => response.destroy());
      return true;
    };
    expect(await outcomeOf(device.fetch(offer))).toBe('unreachable');
    server.misbehave = () => false;
    await readBundle(await device.fetch(offer));
    expect(server.requests.findLast(({ path }) => path === encoder)).toMatchObject({
      range: `bytes=${Math.floor(bytes / 2)}-`,
      status: 206,
    });
  });

  it('from a server that knows no ranges begins anew, and comes through', async () => {
    const server = await fleet.serve();
    const device = fleet.client(server.url);
    const offer = await device.offer();
    const folder = await device.fetch(offer);
    const encoder = readFileSync(join(folder, 'encoder.safetensors'));
    rmSync(join(folder, 'encoder.safetensors'));
    writeFileSync(join(folder, '.encoder.safetensors.part'), encoder.subarray(0, 1000));
    server.misbehave = (_, response, file) => {
      if (file === undefined) return false;
      response.writeHead(200, { 'Content-Length': file.length }).end(file);
      return true;
    };
    await device.fetch(offer);
    await readBundle(folder);
    expect(device.progress.at(-1)!.haveBytes).toBe(device.progress.at(-1)!.totalBytes);
  });

  it.each([
    ['another beginning than was asked for', true],
    ['no Content-Range', false],
  ])('of a range with %s is not joined to what is here', async (_, wrongRange) => {
    const server = await fleet.serve();
    const device = fleet.client(server.url);
    const offer = await device.offer();
    const folder = join(device.folder, 'incoming-1.0.0');
    await device.fetch(offer);
    const encoder = readFileSync(join(folder, 'encoder.safetensors'));
    rmSync(join(folder, 'encoder.safetensors'));
    writeFileSync(join(folder, '.encoder.safetensors.part'), encoder.subarray(0, 1000));
    let asked = 0;
    server.misbehave = (request, response) => {
      if (request.headers.range === undefined) return false;
      asked++;
      const range = wrongRange ? { 'Content-Range': `bytes 0-${encoder.length - 1}/${encoder.length}` } : {};
      response.writeHead(206, range).end(encoder);
      return true;
    };
    await device.fetch(offer);
    await readBundle(folder);
    expect(asked).toBe(1);
  });

  it('whose file changes on the way does not mix the two', async () => {
    const server = await fleet.serve();
    const { path: encoder } = fleet.stored('encoder.safetensors');
    let times = 0;
    server.misbehave = (request, response, file) => {
      if (request.url !== `/${encoder}` || ++times > 2) return false;
      const from = Number(/\d+/.exec(request.headers.range ?? '0')![0]);
      const other = Buffer.from(file!).fill(times, 0, 4000);
      response.writeHead(from === 0 ? 200 : 206, {
        'Content-Length': other.length - from,
        'Content-Range': `bytes ${from}-${other.length - 1}/${other.length}`,
        ETag: `"${times}"`,
      });
      response.write(other.subarray(from, from + 2000), () => response.destroy());
      return true;
    };
    await readBundle(await fleet.client(server.url).fetch());
    expect(times).toBe(3);
  });

  it('that comes compressed is refused', async () => {
    const server = await fleet.serve();
    const device = fleet.client(server.url);
    const offer = await device.offer();
    server.misbehave = (_, response, file) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(file);
      return true;
    };
    await expect(device.fetch(offer)).rejects.toThrow(/though it was asked not to/);
  });

  it.each([500, 503, 429])('that is answered with %s is tried again', async (status) => {
    const server = await fleet.serve();
    let refused = 0;
    server.misbehave = (_, response) => {
      if (refused++ >= 2) return false;
      response.writeHead(status).end();
      return true;
    };
    await readBundle(await fleet.client(server.url).fetch());
  });
});
