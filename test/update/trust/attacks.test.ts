import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FolderTransport, checkedPath, type Source } from '../../../src/update/index.js';
import { Fleet } from '../../support/fleet.js';
import { FleetDevice } from '../../support/fleetDevice.js';

const dayMs = 24 * 3600_000;

/** A repository with one release, as it was then. */
function snapshotOf(fleet: Fleet): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'intentd-old-')), 'repository');
  cpSync(fleet.repository, copy, { recursive: true });
  return copy;
}

async function twoStates(): Promise<{ fleet: Fleet; device: FleetDevice; old: string }> {
  const fleet = await new Fleet().init();
  await fleet.add();
  const old = snapshotOf(fleet);
  await fleet.expire();
  const device = new FleetDevice(fleet.repository);
  await device.refresh();
  return { fleet, device, old };
}

function metadata(folder: string, name: string): string {
  return join(folder, 'metadata', name);
}

interface File {
  signed: Record<string, unknown>;
  signatures: { keyid: string; sig: string }[];
}

/** A copy of the repository in which one file of metadata says something else. */
function spoilt(fleet: Fleet, name: string, change: (file: File) => unknown): string {
  const copy = snapshotOf(fleet);
  const file = JSON.parse(readFileSync(metadata(copy, name), 'utf8')) as File;
  writeFileSync(metadata(copy, name), JSON.stringify(change(file) ?? file));
  return copy;
}

describe('a rollback', () => {
  it('to an older repository is refused, and the present one still accepted', async () => {
    const { device, old } = await twoStates();
    expect([await device.outcome(old), await device.outcome()]).toEqual(['untrusted', 'accepted']);
  });

  it('of the snapshot alone is refused', async () => {
    const { fleet, device, old } = await twoStates();
    await fleet.expire();
    const { version } = fleet.metadata('timestamp.json').signed as unknown as { version: number };
    const mixed = snapshotOf(fleet);
    cpSync(metadata(old, `${version - 2}.snapshot.json`), metadata(mixed, `${version}.snapshot.json`));
    expect(await device.outcome(mixed)).toBe('untrusted');
  });

  it('of root is not possible: it only goes forward', async () => {
    const { fleet, device, old } = await twoStates();
    await fleet.rotate('root');
    expect(await device.outcome()).toBe('accepted');
    expect(await device.outcome(old)).not.toBe('accepted');
  });
});

describe('a freeze', () => {
  it('ends when the timestamp expires, with a reason, and nothing changes', async () => {
    const { device } = await twoStates();
    device.nowMs = Date.now() + 15 * dayMs;
    expect(await device.outcome()).toBe('expired');
    device.nowMs = Date.now();
    expect(await device.outcome()).toBe('accepted');
  });

  it.each([
    ['targets and families', 200, { snapshot: 800, timestamp: 800 }],
    ['root', 400, { targets: 800, snapshot: 800, timestamp: 800 }],
  ])('of %s ends as well', async (_, days, lifetimes) => {
    const fleet = await new Fleet().init({ lifetimes });
    await fleet.add();
    const device = new FleetDevice(fleet.repository);
    expect(await device.outcome()).toBe('accepted');
    device.nowMs = Date.now() + days * dayMs;
    expect(await device.outcome()).toBe('expired');
  });
});

describe('the clock', () => {
  it('at 1970 counts as the last complete refresh', async () => {
    const fleet = await new Fleet().init({ lifetimes: { timestamp: 7, snapshot: 7 } });
    await fleet.add();
    const device = new FleetDevice(fleet.repository);
    device.nowMs = Date.now() + 6 * dayMs;
    await device.refresh();
    device.nowMs = 0;
    expect(await device.outcome()).toBe('accepted');
    // Newer than what the device has, and good until two days before it was there.
    fleet.passDays(-3);
    await fleet.expire();
    expect(await device.outcome()).toBe('expired');
  });

  it('at 1970 on the first start counts as the date of the build', async () => {
    const { fleet } = await twoStates();
    const device = new FleetDevice(fleet.repository);
    device.nowMs = 0;
    device.builtAtMs = Date.now() + 15 * dayMs;
    expect(await device.outcome()).toBe('expired');
  });

  it('is not moved by a refused refresh', async () => {
    const { device } = await twoStates();
    device.nowMs = Date.now() + 30 * dayMs;
    expect(await device.outcome()).toBe('expired');
    device.nowMs = 0;
    expect(await device.outcome()).toBe('accepted');
  });
});

describe('signatures', () => {
  it('that are too few are refused', async () => {
    const fleet = await new Fleet().init({ roles: { timestamp: { keys: 2, threshold: 2 } } });
    await fleet.add();
    const one = spoilt(fleet, 'timestamp.json', (file) => void file.signatures.pop());
    const device = new FleetDevice(fleet.repository);
    expect([await device.outcome(one), await device.outcome()]).toEqual(['untrusted', 'accepted']);
  });

  it('of one key twice count once, and are refused', async () => {
    const fleet = await new Fleet().init({ roles: { timestamp: { keys: 2, threshold: 2 } } });
    const [first] = fleet.metadata('timestamp.json').signatures;
    const twice = spoilt(fleet, 'timestamp.json', (file) => void (file.signatures = [first!, first!]));
    const renamed = spoilt(fleet, 'timestamp.json', (file) => {
      file.signatures = [first!, { keyid: file.signatures[1]!.keyid, sig: first!.sig }];
    });
    const device = new FleetDevice(fleet.repository);
    expect([await device.outcome(twice), await device.outcome(renamed)]).toEqual(['untrusted', 'untrusted']);
  });

  it.each(['timestamp.json', '2.snapshot.json', '2.targets.json', '1.model-tiny.json'])(
    'over something else than %s says are refused',
    async (name) => {
      const fleet = await new Fleet().init();
      await fleet.add();
      const changed = spoilt(fleet, name, (file) => void (file.signed['version'] = 9));
      expect(await new FleetDevice(fleet.repository).outcome(changed)).toBe('untrusted');
    },
  );

  it('of another publisher are refused', async () => {
    const [fleet, other] = [await new Fleet().init(), await new Fleet().init()];
    await other.add();
    expect(await new FleetDevice(fleet.repository).outcome(other.repository)).toBe('untrusted');
  });
});

describe('mix and match', () => {
  it('of metadata of two states is refused', async () => {
    const { fleet, device, old } = await twoStates();
    const mixed = snapshotOf(fleet);
    cpSync(metadata(old, 'timestamp.json'), metadata(mixed, 'timestamp.json'));
    expect(await device.outcome(mixed)).toBe('untrusted');
    await fleet.add({ parts: { version: '2.0.0' }, headHidden: 8 });
    const swapped = snapshotOf(fleet);
    cpSync(metadata(old, '1.model-tiny.json'), metadata(swapped, '2.model-tiny.json'));
    expect(await device.outcome(swapped)).toBe('untrusted');
  });
});

describe('a root', () => {
  it('that was rotated is followed, also several steps at once', async () => {
    const { fleet, device } = await twoStates();
    await fleet.rotate('root');
    await fleet.rotate('root', { keys: 3, threshold: 2 });
    await fleet.rotate('timestamp');
    expect(await device.outcome()).toBe('accepted');
    expect(await new FleetDevice(fleet.repository).outcome()).toBe('accepted');
  });

  it('that the old keys did not sign is refused', async () => {
    const { fleet, device } = await twoStates();
    const other = await new Fleet().init();
    await other.rotate('root');
    const forged = snapshotOf(fleet);
    cpSync(metadata(other.repository, '2.root.json'), metadata(forged, '2.root.json'));
    expect([await device.outcome(forged), await device.outcome()]).toEqual(['untrusted', 'accepted']);
  });

  it('that is verified counts even where the rest is refused', async () => {
    const { fleet, device } = await twoStates();
    await fleet.expire();
    const leaked = snapshotOf(fleet);
    const unaware = device.copy();
    await fleet.rotate('timestamp');
    const broken = snapshotOf(fleet);
    rmSync(metadata(broken, 'timestamp.json'));
    expect(await device.outcome(broken)).toBe('unreachable');
    // Newer than what the device has, and signed with the key that the root took back.
    expect([await unaware.outcome(leaked), await device.outcome(leaked)]).toEqual(['accepted', 'untrusted']);
    expect(await device.outcome()).toBe('accepted');
  });
});

describe('a file', () => {
  it('that never ends is read to its limit only', async () => {
    const { fleet } = await twoStates();
    const asked: number[] = [];
    const endless: Source = {
      read: (path, maxBytes) => {
        if (path.endsWith('.root.json')) return Promise.resolve(undefined);
        asked.push(maxBytes);
        return Promise.resolve(new Uint8Array(maxBytes + 1));
      },
    };
    expect(await new FleetDevice(fleet.repository).outcome(endless)).toBe('untrusted');
    expect(Math.max(...asked)).toBeLessThanOrEqual(5_000_000);
    const big = snapshotOf(fleet);
    writeFileSync(metadata(big, 'timestamp.json'), Buffer.alloc(20_000, 32));
    expect(await new FleetDevice(fleet.repository).outcome(big)).toBe('too_large');
  });

  it.each([
    '../x',
    '/etc/passwd',
    'a/../b',
    'a//b',
    '.hidden',
    'a\0b',
    'C:\\x',
    'a b',
    'a'.repeat(300),
    'a/b/c/d/e',
  ])('named %j is refused before anything is opened', (name) => {
    expect(() => checkedPath(name)).toThrow(/is refused/);
  });

  it('that is a link is not followed', async () => {
    const { fleet, device } = await twoStates();
    const linked = snapshotOf(fleet);
    rmSync(metadata(linked, 'timestamp.json'));
    symlinkSync(metadata(fleet.repository, 'timestamp.json'), metadata(linked, 'timestamp.json'));
    expect(await device.outcome(new FolderTransport(linked))).toBe('bad_file');
  });
});
