import { describe, expect, it } from 'vitest';
import {
  chooseRelease,
  compareVersions,
  outlookOf,
  parseDevices,
  previewPromotion,
  rolloutPosition,
  type Channel,
} from '../../../src/update/index.js';
import { Fleet } from '../../support/fleet.js';

const device = (id: string, changes = {}) => ({ id, kind: 'linux-x64', agent: '0.1.0', ...changes });
const ids = Array.from({ length: 10_000 }, (_, at) => `device-${at}`);

function channel(...releases: Partial<Channel['releases'][number]>[]): Channel {
  const full = { manifest: 'a'.repeat(64), minAgent: '0.1.0', share: 100, version: '1.0.0' };
  return {
    format: 1,
    family: 'tiny',
    channel: 'stable',
    releases: releases.map((release) => ({ ...full, ...release })),
  };
}

function takers(share: number, version = '2.0.0'): Set<string> {
  const offered = channel({}, { version, share });
  return new Set(ids.filter((id) => chooseRelease(offered, device(id))?.version === version));
}

describe('the share of a rollout', () => {
  it('is about what was asked for, and who was in it stays in it', () => {
    const [one, ten, all] = [takers(1), takers(10), takers(100)];
    expect(one.size).toBeGreaterThan(60);
    expect(one.size).toBeLessThan(140);
    expect(ten.size).toBeGreaterThan(900);
    expect(ten.size).toBeLessThan(1100);
    expect(all.size).toBe(ids.length);
    expect([...one].every((id) => ten.has(id))).toBe(true);
  });

  it('begins with other devices for another version', () => {
    const [first, second] = [takers(1, '2.0.0'), takers(1, '2.1.0')];
    expect([...first].filter((id) => second.has(id)).length).toBeLessThan(first.size / 4);
  });

  it('is the same on every machine', () => {
    expect(rolloutPosition('kitchen', 'tiny', '2.0.0')).toBeCloseTo(97.341022221, 6);
  });
});

describe('a device', () => {
  it('takes the newest version that is for it', () => {
    const offered = channel(
      { version: '1.9.0' },
      { version: '1.10.0' },
      { version: '2.0.0-rc.1', share: 0.01 },
    );
    expect(chooseRelease(offered, device('kitchen'))?.version).toBe('1.10.0');
  });

  it('takes nothing that needs a newer agent or is for another kind', () => {
    const offered = channel(
      {},
      { version: '2.0.0', minAgent: '0.2.0' },
      { version: '3.0.0', devices: ['jetson-orin'] },
    );
    expect(chooseRelease(offered, device('a'))?.version).toBe('1.0.0');
    expect(chooseRelease(offered, device('a', { agent: '0.2.0' }))?.version).toBe('2.0.0');
    expect(chooseRelease(offered, device('a', { kind: 'jetson-orin' }))?.version).toBe('3.0.0');
    expect(chooseRelease(channel(), device('a'))).toBeUndefined();
  });
});

describe('versions', () => {
  it('are ordered as semver.org orders them', () => {
    const ordered =
      '1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.2.0 1.10.0 2.0.0';
    const versions = ordered.split(' ');
    expect([...versions].reverse().sort(compareVersions)).toEqual(versions);
    expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
  });
});

describe('a dry run', () => {
  it('says which devices would take what, and changes nothing', async () => {
    const fleet = await new Fleet().init();
    await fleet.add({ parts: { version: '1.0.0' } });
    await fleet.add({ parts: { version: '2.0.0' }, headHidden: 8 }, { channel: 'canary' });
    const before = fleet.metadataNames();
    const channels = await previewPromotion(await fleet.context(), 'tiny', '2.0.0', {
      channel: 'stable',
      share: 10,
    });
    const devices = parseDevices(ids.slice(0, 200).join('\n'), { kind: 'linux-x64', agent: '0.1.0' }, 'list');
    const release = { family: 'tiny', version: '2.0.0', channel: 'stable' };
    const found = devices.map((one) => outlookOf(one, channels, release));
    const changed = found.filter(({ after }) => after === '2.0.0');
    expect(changed.length).toBeGreaterThan(5);
    expect(changed.every(({ position, reason }) => position < 10 && reason === null)).toBe(true);
    expect(found.every(({ before: now }) => now === '1.0.0')).toBe(true);
    expect(fleet.metadataNames()).toEqual(before);
    // What it foretold is what happens.
    await fleet.promote('tiny', '2.0.0', { share: 10 });
    const after = await previewPromotion(await fleet.context(), 'tiny', '2.0.0', {
      channel: 'stable',
      share: 10,
    });
    expect(devices.map((one) => outlookOf(one, after, release).before)).toEqual(
      found.map((one) => one.after),
    );
  });

  it('reads kinds and agents from the list, and says which line is wrong', () => {
    const defaults = { kind: 'linux-x64', agent: '0.1.0' };
    expect(parseDevices('# all\nkitchen jetson-orin 0.2.0\n\nhall\n', defaults, 'list')).toEqual([
      { id: 'kitchen', kind: 'jetson-orin', agent: '0.2.0' },
      { id: 'hall', kind: 'linux-x64', agent: '0.1.0' },
    ]);
    expect(() => parseDevices('a\nb c d e', defaults, 'list')).toThrow(/list line 2/);
  });
});
