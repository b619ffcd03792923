import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openContext, promote, rotate } from '../../../src/update/index.js';
import { Fleet } from '../../support/fleet.js';

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'accepted';
}

describe('keys', () => {
  it('lie encrypted, readable by their owner alone, and open with their passphrase only', async () => {
    const fleet = await new Fleet().init();
    const names = readdirSync(fleet.keys).filter((name) => name.endsWith('.key.json'));
    expect(names).toHaveLength(3);
    for (const name of names) {
      expect(statSync(join(fleet.keys, name)).mode & 0o777).toBe(0o600);
      const file = JSON.parse(readFileSync(join(fleet.keys, name), 'utf8')) as { secret: string };
      // A PKCS #8 ed25519 key begins so.
      expect(file.secret).not.toContain('302e0201');
    }
    await fleet.add();
    const wrong = await openContext({
      repository: fleet.repository,
      keys: { folder: fleet.keys, passphrase: 'another horse' },
      clock: { wall: () => fleet.nowMs },
    });
    expect(await refusal(promote(wrong, 'tiny', '1.0.0', { channel: 'stable', share: 1 }))).toBe(
      'bad_passphrase',
    );
  });

  it('of root are in their own folders, and only root and rotation need them', async () => {
    const fleet = await new Fleet().init();
    expect(fleet.rootKeys.flatMap((folder) => readdirSync(folder))).toHaveLength(2);
    expect(readdirSync(fleet.keys).some((name) => name.startsWith('root-'))).toBe(false);
    await fleet.add();
    await fleet.expire();
    const withoutRoot = fleet.context();
    expect(await refusal(rotate(await withoutRoot, 'timestamp'))).toBe('missing_key');
    expect(readdirSync(fleet.keys).filter((name) => name.startsWith('timestamp-'))).toHaveLength(1);
  });
});

describe('a repository', () => {
  it('holds each file once, and a release with another head adds only what differs', async () => {
    const fleet = await new Fleet().init();
    await fleet.add({ parts: { version: '1.0.0' } });
    const files = join(fleet.repository, 'targets', 'tiny', 'files');
    const before = readdirSync(files);
    await fleet.add({ parts: { version: '1.1.0' }, headHidden: 8 });
    const added = readdirSync(files).filter((name) => !before.includes(name));
    // The head and the manifest.
    expect(added).toHaveLength(2);
  });

  it('refuses another content under a version that is published', async () => {
    const fleet = await new Fleet().init();
    await fleet.add({ seed: 1 });
    expect(await refusal(fleet.add({ seed: 5 }))).toBe('exists');
  });

  it('is changed by one command at a time', async () => {
    const fleet = await new Fleet().init();
    writeFileSync(join(fleet.repository, '.publishing'), '');
    expect(await refusal(fleet.expire())).toBe('busy');
  });

  it('is not signed again where somebody changed what it says', async () => {
    const fleet = await new Fleet().init();
    await fleet.add();
    const newest = fleet
      .metadataNames()
      .filter((name) => name.endsWith('.model-tiny.json'))
      .at(-1)!;
    const path = join(fleet.repository, 'metadata', newest);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/"length": \d+/, '"length": 7'));
    // Nor is what was published before it, in which the release is missing.
    expect(await refusal(fleet.promote('tiny', '1.0.0'))).toBe('bad_repository');
    expect(await refusal(fleet.expire())).toBe('bad_repository');
  });

  it('of a root that others made is refused', async () => {
    const [fleet, other] = [await new Fleet().init(), await new Fleet().init()];
    await fleet.rotate('root');
    await other.rotate('root');
    cpSync(join(other.repository, 'metadata'), join(fleet.repository, 'metadata'), { recursive: true });
    expect(await refusal(fleet.expire())).toBe('bad_repository');
  });

  it('keeps the new keys where a rotation ends after its root was written', async () => {
    const fleet = await new Fleet().init();
    const timestamp = join(fleet.repository, 'metadata', 'timestamp.json');
    rmSync(timestamp);
    // No file takes the place of a folder.
    mkdirSync(join(timestamp, 'full'), { recursive: true });
    expect(await refusal(fleet.rotate('timestamp'))).not.toBe('accepted');
    expect(fleet.metadataNames()).toContain('2.root.json');
    rmSync(timestamp, { recursive: true });
    await fleet.expire();
    const [signature] = fleet.metadata('timestamp.json').signatures;
    expect(fleet.metadata('2.root.json').signed['roles']).toMatchObject({
      timestamp: { keyids: [signature!.keyid] },
    });
  });

  it('survives a command that ended before its timestamp', async () => {
    const fleet = await new Fleet().init();
    const timestamp = join(fleet.repository, 'metadata', 'timestamp.json');
    const before = readFileSync(timestamp);
    await fleet.add();
    writeFileSync(timestamp, before);
    await fleet.expire();
    await fleet.promote('tiny', '1.0.0', { share: 10 });
    expect(fleet.metadata('timestamp.json').signed['version']).toBe(4);
  });
});

describe('thresholds', () => {
  it('need that many keys, and every key at hand signs', async () => {
    const fleet = await new Fleet().init({ roles: { targets: { keys: 3, threshold: 2 } } });
    expect(fleet.metadata('1.targets.json').signatures).toHaveLength(3);
    expect(fleet.metadata('1.root.json').signatures).toHaveLength(2);
  });

  it('are missed with a reason, and then nothing is written', async () => {
    const fleet = await new Fleet().init();
    const context = await openContext({
      repository: fleet.repository,
      keys: { folder: fleet.keys, passphrase: 'correct horse battery' },
      rootKeys: [{ folder: fleet.rootKeys[0]!, passphrase: 'correct horse battery' }],
      clock: { wall: () => fleet.nowMs },
    });
    const before = fleet.metadataNames();
    expect(await refusal(rotate(context, 'snapshot'))).toBe('missing_key');
    expect(fleet.metadataNames()).toEqual(before);
  });
});

describe('expire', () => {
  it('renews snapshot and timestamp always, others when their end is near, and says whose keys are missing', async () => {
    const fleet = await new Fleet().init();
    await fleet.add();
    const renewed = async (withRootKeys: boolean): Promise<Record<string, boolean[]>> => {
      const roles = await fleet.expire(30, withRootKeys);
      return Object.fromEntries(roles.map((role) => [role.role, [role.renewed, role.needsKeys]]));
    };
    expect(await renewed(false)).toEqual({
      root: [false, false],
      targets: [false, false],
      'model-tiny': [false, false],
      snapshot: [true, false],
      timestamp: [true, false],
    });
    fleet.passDays(350);
    expect(await renewed(false)).toMatchObject({ root: [false, true], targets: [true, false] });
    expect(await renewed(true)).toMatchObject({ root: [true, false], 'model-tiny': [false, false] });
  });
});
