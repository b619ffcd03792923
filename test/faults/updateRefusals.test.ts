import { existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/index.js';
import { readBundle } from '../../src/model/index.js';
import { Fleet } from '../support/fleet.js';
import { HandmadeRepository } from '../support/handmadeRepository.js';
import { writeTinyBundle } from '../support/tinyBundle.js';
import { UpdateClient, outcomeOf } from '../support/updateClient.js';

const bundle = join(mkdtempSync(join(tmpdir(), 'intentd-refusals-')), 'bundle');
beforeAll(async () => {
  await writeTinyBundle(bundle);
});

function metadata(folder: string, name: string): string {
  return join(folder, 'metadata', name);
}

describe('fault 20: names and limits', () => {
  /** A device and a repository whose publisher signs anything. */
  function handmade(change: (manifest: Record<string, unknown>) => unknown, release = {}) {
    const folder = mkdtempSync(join(tmpdir(), 'intentd-handmade-'));
    const repository = new HandmadeRepository();
    const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const files = readdirSync(bundle)
      .filter((name) => name !== 'manifest.json')
      .map((name) => readFileSync(join(bundle, name)));
    repository.release(change(manifest) ?? manifest, files, release);
    repository.sign().write(folder);
    return { repository, device: new UpdateClient(folder, metadata(folder, '1.root.json')) };
  }

  it('a bundle made by hand is taken, if it is right', async () => {
    await readBundle(await handmade(() => undefined).device.fetch());
  });

  it.each([
    '../escape',
    '/etc/passwd',
    'a/b',
    'a\\b',
    '..',
    '.hidden',
    '.encoder.safetensors.part',
    'nul\0',
    '',
    'x'.repeat(129),
    'manifest.json',
    'C:evil',
    'ünïcode',
  ])('a file called %j is refused before a byte is written', async (name) => {
    const bytes = Buffer.from('x');
    const { device } = handmade((manifest) => {
      const entry = { sha256: sha256(bytes), bytes: 1 };
      return { ...manifest, files: { ...(manifest['files'] as object), [name]: entry } };
    });
    expect(await outcomeOf(device.fetch())).toBe('bad_bundle');
    expect(existsSync(join(device.folder, 'incoming-1.0.0'))).toBe(false);
  });

  it.each<[string, (manifest: Record<string, unknown>) => unknown, string]>([
    ['of another family', (manifest) => ({ ...manifest, id: 'other' }), 'untrusted'],
    ['that is no JSON object', () => [], 'bad_channel'],
    [
      'with a file that no metadata names',
      (manifest) => {
        const files = manifest['files'] as Record<string, object>;
        return { ...manifest, files: { ...files, extra: { sha256: 'a'.repeat(64), bytes: 1 } } };
      },
      'untrusted',
    ],
    [
      'with another length than metadata says',
      (manifest) => {
        const files = manifest['files'] as Record<string, { bytes: number }>;
        return { ...manifest, files: { ...files, 'labels.json': { ...files['labels.json'], bytes: 5 } } };
      },
      'untrusted',
    ],
    [
      'with too many files',
      (manifest) => {
        const many = Object.fromEntries(
          Array.from({ length: 40 }, (_, at) => [`f${at}`, { sha256: 'a'.repeat(64), bytes: 1 }]),
        );
        return { ...manifest, files: { ...(manifest['files'] as object), ...many } };
      },
      'bad_bundle',
    ],
    [
      'with a file of a terabyte',
      (manifest) => {
        const files = manifest['files'] as Record<string, object>;
        return { ...manifest, files: { ...files, big: { sha256: 'a'.repeat(64), bytes: 1e12 } } };
      },
      'bad_bundle',
    ],
    [
      'longer than a mebibyte',
      (manifest) => ({ ...manifest, evaluation: { x: 'y'.repeat(1 << 20) } }),
      'too_large',
    ],
  ])('a manifest %s is refused before a byte is written', async (_, change, code) => {
    const { device } = handmade(change);
    expect(await outcomeOf((async () => device.fetch(await device.offer()))())).toBe(code);
    expect(existsSync(join(device.folder, 'incoming-1.0.0'))).toBe(false);
  });

  it('a bundle larger than the configuration allows is refused before a byte is written', async () => {
    const { device, repository } = handmade(() => undefined);
    const folder = mkdtempSync(join(tmpdir(), 'intentd-handmade-'));
    repository.write(folder);
    const small = new UpdateClient(folder, metadata(folder, '1.root.json'), {
      limits: { maxBundleBytes: 1000 },
    });
    expect(await outcomeOf(small.fetch(await device.offer()))).toBe('too_large');
    expect(existsSync(join(small.folder, 'incoming-1.0.0'))).toBe(false);
  });

  it('a role with a name that leads elsewhere is looked for nowhere', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'intentd-handmade-'));
    const repository = new HandmadeRepository('tiny');
    repository.edit = (role, signed) => {
      if (role !== 'targets') return;
      const { roles } = signed['delegations'] as { roles: { name: string }[] };
      roles[0]!.name = '../../evil';
    };
    repository.sign().write(folder);
    const device = new UpdateClient(folder, metadata(folder, '1.root.json'));
    expect(await outcomeOf(device.offers())).toBe('untrusted');
  });
});

describe('fault 21: the right signature', () => {
  it('for another kind of device is refused with the reason, and not fetched', async () => {
    const other = await new Fleet().init();
    await other.add({}, { devices: ['jetson-orin'] });
    const device = new UpdateClient(other.repository, other.firstRoot);
    const [offer] = await device.offers();
    expect(offer!.refusal).toMatch(/is for jetson-orin, and this device is linux-x64/);
    expect(await outcomeOf(device.fetch(offer))).toBe('refused');
    expect(existsSync(join(device.folder, 'incoming-1.0.0'))).toBe(false);
  });

  it('for a newer agent is refused with the reason, and not fetched', async () => {
    const other = await new Fleet().init();
    await other.add({ parts: { minAgent: '9.0.0' } });
    const device = new UpdateClient(other.repository, other.firstRoot);
    const [offer] = await device.offers();
    expect(offer!.refusal).toMatch(/needs an agent of version 9\.0\.0 or newer, and this is 0\.1\.0/);
    expect(await outcomeOf(device.fetch(offer))).toBe('refused');
  });
});
