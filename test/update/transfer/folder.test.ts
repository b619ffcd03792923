import {
  chmodSync,
  linkSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/index.js';
import { readBundle } from '../../../src/model/index.js';
import { Fleet } from '../../support/fleet.js';
import { UpdateClient, outcomeOf } from '../../support/updateClient.js';

const fleet = new Fleet();
let first: string;
let second: string;

beforeAll(async () => {
  await fleet.init();
  first = await fleet.add();
  second = await fleet.add({ parts: { version: '2.0.0' }, headHidden: 8 }, { share: 50 });
});

function client(location = fleet.repository): UpdateClient {
  const device = { id: deviceAt(50), kind: 'linux-x64', agent: '0.1.0' };
  return new UpdateClient(location, fleet.firstRoot, { device });
}

/** A device that stands within that share of the rollout of 2.0.0. */
function deviceAt(share: number): string {
  for (let at = 0; ; at++) {
    const digits = sha256(`tiny 2.0.0 d-${at}`).slice(0, 8);
    if ((parseInt(digits, 16) / 2 ** 32) * 100 < share) return `d-${at}`;
  }
}

describe('a folder as source', () => {
  it.each(['a path', 'a file URL'])('named by %s brings a whole bundle', async (kind) => {
    const device = client(kind === 'a path' ? fleet.repository : pathToFileURL(fleet.repository).href);
    const offers = await device.offers();
    expect(offers.map(({ release }) => release.version)).toEqual(['2.0.0', '1.0.0']);
    const folder = await device.fetch(offers[0]);
    const bundle = await readBundle(folder);
    expect([bundle.manifest.version, bundle.digest]).toEqual(['2.0.0', offers[0]!.release.manifest]);
    expect(readdirSync(folder).sort()).toEqual(readdirSync(second).sort());
    expect(device.progress.at(-1)).toEqual({
      haveBytes: device.progress[0]!.totalBytes,
      totalBytes: device.progress[0]!.totalBytes,
      fetchedBytes: device.progress[0]!.totalBytes,
    });
  });

  it('that does not exist is unreachable, and says so', async () => {
    const device = client(join(fleet.folder, 'elsewhere'));
    await expect(device.offers()).rejects.toMatchObject({ code: 'unreachable' });
    await expect(device.offers()).rejects.toThrow(/no repository/);
  });

  it.each(['relative/folder', 'ftp://host/x', 'file://host/x', ''])('%j is refused', (location) => {
    expect(() => client(location)).toThrow(/no source of updates/);
  });
});

describe('what the device has already', () => {
  it('is not fetched again: a change of the head alone is under 5 % of the bundle', async () => {
    const device = client();
    for (const name of readdirSync(first)) {
      device.owned.set(sha256(readFileSync(join(first, name))), join(first, name));
    }
    await readBundle(await device.fetch());
    const head = statSync(join(second, 'head.safetensors')).size;
    const manifest = statSync(join(second, 'manifest.json')).size;
    expect(device.fetchedBytes).toBe(head + manifest);
  });

  it('is linked where nobody can write it, and copied where somebody could', async () => {
    const device = client();
    const own = (name: string): string => join(first, name);
    chmodSync(own('tokenizer.json'), 0o444);
    chmodSync(own('encoder.safetensors'), 0o644);
    for (const name of ['tokenizer.json', 'encoder.safetensors']) {
      device.owned.set(sha256(readFileSync(own(name))), own(name));
    }
    const folder = await device.fetch();
    const inode = (path: string): number => statSync(path).ino;
    expect(inode(join(folder, 'tokenizer.json'))).toBe(inode(own('tokenizer.json')));
    expect(inode(join(folder, 'encoder.safetensors'))).not.toBe(inode(own('encoder.safetensors')));
  });

  it('is fetched all the same where it is damaged', async () => {
    const device = client();
    const path = join(device.folder, 'damaged');
    writeFileSync(path, readFileSync(join(first, 'encoder.safetensors')).fill(7, 100, 110));
    device.owned.set(sha256(readFileSync(join(first, 'encoder.safetensors'))), path);
    await readBundle(await device.fetch());
  });
});

describe('a fetch that was interrupted', () => {
  it('keeps what is whole, goes on with what is not, and removes strangers', async () => {
    const device = client();
    const folder = await device.fetch();
    const all = device.fetchedBytes;
    const encoder = readFileSync(join(folder, 'encoder.safetensors'));
    rmSync(join(folder, 'encoder.safetensors'));
    rmSync(join(folder, 'manifest.json'));
    writeFileSync(join(folder, '.encoder.safetensors.part'), encoder.subarray(0, 1000));
    writeFileSync(join(folder, 'stranger'), 'x');
    await device.fetch();
    await readBundle(folder);
    expect(device.fetchedBytes).toBe(encoder.length - 1000 + statSync(join(folder, 'manifest.json')).size);
    expect(device.fetchedBytes).toBeLessThan(all);
  });

  it.each(['zeros', 'bytes of another file', 'more than the file has'])(
    'and left %s begins that file anew',
    async (what) => {
      const device = client();
      const offer = await device.offer();
      const folder = await device.fetch(offer);
      const encoder = readFileSync(join(folder, 'encoder.safetensors'));
      rmSync(join(folder, 'encoder.safetensors'));
      const left = {
        zeros: Buffer.alloc(1000),
        'bytes of another file': readFileSync(join(folder, 'tokenizer.json')).subarray(0, 500),
        'more than the file has': Buffer.alloc(encoder.length + 1),
      }[what]!;
      writeFileSync(join(folder, '.encoder.safetensors.part'), left);
      await device.fetch(offer);
      await readBundle(folder);
    },
  );

  it('ends with the reason of the signal, and can go on', async () => {
    const device = client();
    const offer = await device.offer();
    const controller = new AbortController();
    const stop = new Error('enough');
    const onProgress = (): void => {
      controller.abort(stop);
    };
    await expect(device.fetch(offer, { signal: controller.signal, onProgress })).rejects.toBe(stop);
    await readBundle(await device.fetch(offer));
  });
});

describe('a repository whose files are not what they were signed as', () => {
  function spoilt(change: (path: string) => void): UpdateClient {
    const device = client();
    const digest = sha256(readFileSync(join(second, 'head.safetensors')));
    const path = join(fleet.repository, 'targets', 'tiny', 'files', `${digest}.${digest}`);
    const before = readFileSync(path);
    chmodSync(path, 0o644);
    change(path);
    after.push(() => {
      rmSync(path, { force: true });
      writeFileSync(path, before);
    });
    return device;
  }
  const after: (() => void)[] = [];

  it.each<[string, string, (path: string) => void]>([
    [
      'another content',
      'untrusted',
      (path) => {
        writeFileSync(path, readFileSync(path).fill(1, 50, 60));
      },
    ],
    [
      'less',
      'untrusted',
      (path) => {
        writeFileSync(path, readFileSync(path).subarray(1));
      },
    ],
    [
      'more',
      'too_large',
      (path) => {
        writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)]));
      },
    ],
    [
      'nothing',
      'unreachable',
      (path) => {
        rmSync(path);
      },
    ],
    [
      'a link',
      'bad_file',
      (path) => {
        linkSync(path, `${path}.other`);
        rmSync(path);
        symlinkSync(`${path}.other`, path);
      },
    ],
  ])('with %s is %s, and nothing of that file is left', async (_, code, change) => {
    const device = spoilt(change);
    try {
      expect(await outcomeOf(device.fetch())).toBe(code);
    } finally {
      for (const undo of after.splice(0)) undo();
    }
    const folder = join(device.folder, 'incoming-2.0.0');
    const left = readdirSync(folder);
    expect(left).not.toContain('head.safetensors');
    expect(left).not.toContain('manifest.json');
    await readBundle(await device.fetch());
  });
});
