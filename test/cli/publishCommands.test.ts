import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../src/cli/index.js';
import { captureIo } from '../support/capture.js';
import { writeTinyBundle } from '../support/tinyBundle.js';

const folder = mkdtempSync(join(tmpdir(), 'intentd-publish-'));
const repository = join(folder, 'fleet');
const passphrase = join(folder, 'passphrase');
const bundle = join(folder, 'bundle');
const keys = ['--keys', join(folder, 'keys'), '--passphrase-file', passphrase];
const rootKeys = ['--root-keys', join(folder, 'usb')];

async function publish(...args: string[]) {
  const io = captureIo();
  return { status: await runCommandLine(['publish', ...args], io), printed: io.printed, notes: io.notes };
}

beforeAll(async () => {
  writeFileSync(passphrase, 'a long enough passphrase\n');
  await writeTinyBundle(bundle);
  const { status, printed } = await publish(
    'init',
    repository,
    ...keys,
    ...rootKeys,
    '--signers',
    'root=2/2',
  );
  expect([status, printed[0]]).toEqual([0, expect.stringContaining('metadata/1.root.json')]);
  expect((await publish('add', repository, bundle, ...keys)).status).toBe(0);
  // Keys of full strength are opened slowly, by intent.
}, 60_000);

describe('intentd publish', () => {
  it('goes from a fresh key over a dry run to a rollout', async () => {
    const devices = join(folder, 'devices.txt');
    writeFileSync(devices, Array.from({ length: 50 }, (_, at) => `device-${at}`).join('\n'));
    const wanted = ['promote', repository, 'tiny', '1.0.0', '--share', '10'];
    const rollout = [...wanted, ...keys];
    // What signs nothing needs no passphrase.
    const dry = await publish(...wanted, ...keys.slice(0, 2), '--dry-run', devices, '--json');
    const locked = await publish(...wanted, ...keys.slice(0, 2));
    expect([locked.status, locked.notes[0]]).toEqual([2, expect.stringContaining('passphrase with -p')]);
    const { devices: found } = JSON.parse(dry.printed.join('\n')) as {
      devices: { before: string | null; after: string | null; position: number }[];
    };
    expect(found.every(({ before }) => before === null)).toBe(true);
    expect(found.filter(({ after }) => after === '1.0.0')).toEqual(
      found.filter(({ position }) => position < 10),
    );
    const { status, printed } = await publish(...rollout);
    expect([status, printed]).toEqual([0, ['tiny 1.0.0 is offered in stable to 10 %']]);
  });

  it('says what expires when, and exits with 1 where a key is missing to renew it', async () => {
    const well = await publish('expire', repository, ...keys);
    expect([well.status, well.printed.filter((line) => line.endsWith('renewed'))]).toEqual([
      0,
      [expect.stringMatching(/^snapshot/), expect.stringMatching(/^timestamp/)],
    ]);
    const { status, notes } = await publish('expire', repository, ...keys, '--within', '400');
    expect([status, notes]).toEqual([
      1,
      [expect.stringMatching(/^intentd: root will expire.*\[missing_key\]$/)],
    ]);
    expect((await publish('expire', repository, ...keys, ...rootKeys, '--within', '400')).status).toBe(0);
  });

  it('says of a version that fell out of its channels how it comes back', async () => {
    const newer = join(folder, 'newer');
    await writeTinyBundle(newer, { parts: { version: '1.1.0' } });
    const fresh = join(folder, 'fresh');
    const own = ['--keys', join(folder, 'keys2'), '--passphrase-file', passphrase];
    const usb = ['--root-keys', join(folder, 'usb2')];
    expect((await publish('init', fresh, ...own, ...usb)).status).toBe(0);
    for (const one of [bundle, newer]) expect((await publish('add', fresh, one, ...own)).status).toBe(0);
    const { status, notes } = await publish('promote', fresh, 'tiny', '1.0.0', ...own);
    expect([status, notes[0]]).toEqual([
      1,
      expect.stringContaining('No channel offers tiny 1.0.0, but 1.1.0: intentd publish add'),
    ]);
    expect((await publish('add', fresh, bundle, ...own)).status).toBe(0);
    expect((await publish('promote', fresh, 'tiny', '1.0.0', ...own)).status).toBe(0);
  }, 60_000);

  it('replaces keys only with the root keys at hand', async () => {
    const refused = await publish('rotate', repository, 'timestamp', ...keys);
    expect([refused.status, refused.notes[0]]).toEqual([1, expect.stringContaining('--root-keys')]);
    expect((await publish('rotate', repository, 'timestamp', ...keys, ...rootKeys)).status).toBe(0);
  });

  it('tells programs under --json what it did', async () => {
    const said = async (...args: string[]): Promise<unknown> =>
      JSON.parse((await publish(...args, ...keys, '--json')).printed.join('\n')) as unknown;
    const release = { family: 'tiny', version: '1.0.0', channel: 'canary', share: 50 };
    const manifest = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    expect(await said('add', repository, bundle, '--share', '50')).toEqual({ ...release, manifest });
    expect(
      await said('promote', repository, 'tiny', '1.0.0', '--channel', 'canary', '--share', '50'),
    ).toEqual(release);
    expect(await said('rotate', repository, 'model-tiny')).toEqual({ role: 'model-tiny' });
    const own = ['--keys', join(folder, 'k3'), '--passphrase-file', passphrase];
    const made = await publish('init', join(folder, 'r3'), ...own, ...rootKeys, '--json');
    expect(JSON.parse(made.printed.join('\n'))).toEqual({
      repository: join(folder, 'r3'),
      root: join(folder, 'r3', 'metadata', '1.root.json'),
    });
  });

  it('says what to do about a folder that is none, a wrong passphrase and a lost key', async () => {
    const none = await publish('add', join(folder, 'nothing'), bundle, ...keys);
    expect(none.notes[0]).toMatch(/holds no repository: name the folder.*\[bad_repository\]/);
    const wrong = join(folder, 'wrong');
    writeFileSync(wrong, 'not the right passphrase');
    const shut = await publish('add', repository, bundle, keys[0]!, keys[1]!, '--passphrase-file', wrong);
    expect(shut.notes[0]).toMatch(/does not open with this passphrase.*\[bad_passphrase\]/);
    const place = keys[1]!;
    for (const name of readdirSync(place)) if (name.startsWith('snapshot-')) rmSync(join(place, name));
    const lost = await publish('expire', repository, ...keys);
    expect(lost.notes[0]).toMatch(/intentd publish rotate snapshot makes others, with the root keys/);
    expect((await publish('rotate', repository, 'snapshot', ...keys, ...rootKeys)).status).toBe(0);
    expect((await publish('expire', repository, ...keys)).status).toBe(0);
  });

  it('refuses a short passphrase, and a share or signers that make no sense', async () => {
    const short = join(folder, 'short');
    writeFileSync(short, 'secret');
    const weak = ['--keys', join(folder, 'k2'), '--passphrase-file', short];
    expect((await publish('init', join(folder, 'r2'), ...weak, ...rootKeys)).notes[0]).toMatch(
      /12 characters.*\[usage\]/,
    );
    expect((await publish('add', repository, bundle, ...keys, '--share', '101')).status).toBe(2);
    expect((await publish('rotate', repository, 'root', ...keys, '--signers', '3')).status).toBe(2);
  });
});
