import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/index.js';
import { readBundle } from '../../src/model/index.js';
import { Fleet } from '../support/fleet.js';
import { UpdateClient, outcomeOf } from '../support/updateClient.js';

const fleet = new Fleet();
let bundle: string;
beforeAll(async () => {
  await fleet.init();
  bundle = await fleet.add();
});

const mounted: string[] = [];
afterEach(() => {
  for (const folder of mounted.splice(0)) spawnSync('umount', ['-l', folder]);
});

/** A file system of so many mebibytes; `undefined` where this machine lets us make none. */
function smallDisk(mebibytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'intentd-disk-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder]).status !== 0)
    return undefined;
  mounted.push(folder);
  return folder;
}

/** Takes everything that is left. */
function fill(folder: string): string {
  const path = join(folder, 'filler');
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(path, Buffer.alloc(bavail * bsize));
  return path;
}

describe('fault 24: a disk that is full in the download', () => {
  it('is said before anything is fetched', async (context) => {
    const disk = smallDisk(8);
    if (disk === undefined) context.skip('mount is not allowed here');
    const device = new UpdateClient(fleet.repository, fleet.firstRoot);
    const folder = join(disk!, 'incoming');
    await expect(device.fetch(undefined, { folder })).rejects.toThrow(/bytes left, and the bundle needs/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('in the middle of it is a clean abort: nothing of the bundle is left, and later it comes through', async (context) => {
    const disk = smallDisk(32);
    if (disk === undefined) context.skip('mount is not allowed here');
    const device = new UpdateClient(fleet.repository, fleet.firstRoot);
    const folder = join(disk!, 'incoming');
    const present = readFileSync(join(bundle, 'labels.json'));
    mkdirSync(folder);
    writeFileSync(join(folder, 'labels.json'), present);
    let filler: string | undefined;
    // After the check of what is free, somebody else takes it.
    const onProgress = ({ fetchedBytes, haveBytes }: { fetchedBytes: number; haveBytes: number }): void => {
      if (filler === undefined && haveBytes > present.length && fetchedBytes > 5000) filler = fill(disk!);
    };
    expect(await outcomeOf(device.fetch(undefined, { folder, onProgress }))).toBe('disk_full');
    expect(filler).toBeDefined();
    expect(readdirSync(folder)).toEqual(['labels.json']);
    rmSync(filler!);
    await readBundle(await device.fetch(undefined, { folder }));
  });

  it('while metadata is written is no reason to distrust the repository', async (context) => {
    const disk = smallDisk(1);
    if (disk === undefined) context.skip('mount is not allowed here');
    const device = new UpdateClient(fleet.repository, fleet.firstRoot, { folder: join(disk!, 'update') });
    await device.offers();
    const filler = fill(disk!);
    expect(await outcomeOf(device.offers())).toBe('disk_full');
    rmSync(filler);
    expect(await device.offers()).toHaveLength(1);
    expect(sha256(readFileSync(join(bundle, 'manifest.json')))).toBe((await device.offer()).release.manifest);
  });
});
