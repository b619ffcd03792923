import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Fleet } from '../../support/fleet.js';
import { FleetDevice } from '../../support/fleetDevice.js';

const damages: Readonly<Record<string, (path: string) => void>> = {
  'cut to half': (path) => {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
  },
  empty: (path) => {
    writeFileSync(path, '');
  },
  zeros: (path) => {
    writeFileSync(path, Buffer.alloc(readFileSync(path).length));
  },
  missing: (path) => {
    rmSync(path);
  },
};
/** Of the newest generation, and the copy of the floors beside it. */
const files = [
  'root.json',
  'timestamp.json',
  'snapshot.json',
  'targets.json',
  'model-tiny.json',
  'floors.json',
  '../../floors.json',
];

let device: FleetDevice;
let old: string;
let pathOf: (of: FleetDevice, name: string) => string;

beforeAll(async () => {
  const fleet = await new Fleet().init();
  await fleet.add();
  old = join(mkdtempSync(join(tmpdir(), 'intentd-old-')), 'repository');
  cpSync(fleet.repository, old, { recursive: true });
  await fleet.add({ parts: { version: '2.0.0' }, headHidden: 8 });
  device = new FleetDevice(fleet.repository);
  await device.refresh();
  pathOf = (of, name) => join(of.folder, 'metadata', readdirSync(join(of.folder, 'metadata')).at(-1)!, name);
});

describe.each(Object.keys(damages))('metadata that a power cut left %s', (damage) => {
  it.each(files)('does not let an older repository in, and the present one mends it: %s', async (name) => {
    const torn = device.copy();
    damages[damage]!(pathOf(torn, name));
    expect(['rollback', 'untrusted']).toContain(await torn.outcome(old));
    expect(await torn.outcome()).toBe('accepted');
    expect(['rollback', 'untrusted']).toContain(await torn.outcome(old));
  });

  it('does not let an older repository in with timestamp and snapshot both so', async () => {
    const torn = device.copy();
    for (const name of ['timestamp.json', 'snapshot.json']) damages[damage]!(pathOf(torn, name));
    expect(await torn.outcome(old)).toBe('rollback');
  });
});

describe('floors', () => {
  it('that are damaged in both copies refuse everything, and say what to do', async () => {
    const torn = device.copy();
    for (const name of ['floors.json', '../../floors.json']) damages['cut to half']!(pathOf(torn, name));
    expect([await torn.outcome(old), await torn.outcome()]).toEqual(['trust_damaged', 'trust_damaged']);
    await expect(torn.refresh()).rejects.toThrow(/Remove that folder/);
  });

  it('that somebody edited count as damaged', async () => {
    const torn = device.copy();
    const [own, beside] = [pathOf(torn, 'floors.json'), pathOf(torn, '../../floors.json')];
    for (const path of [own, beside]) {
      writeFileSync(path, readFileSync(path, 'utf8').replace(/"timestamp": \d+/, '"timestamp": 1'));
    }
    expect(await torn.outcome()).toBe('trust_damaged');
  });
});

describe('a refused refresh', () => {
  it('leaves the newest generation as it is, and no temporary folder', async () => {
    const one = device.copy();
    const names = readdirSync(join(one.folder, 'metadata'));
    expect(await one.outcome(old)).not.toBe('accepted');
    expect(readdirSync(join(one.folder, 'metadata'))).toEqual(names);
  });
});
