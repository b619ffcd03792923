import { expect, it } from 'vitest';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FleetDevice } from '../../support/fleetDevice.js';
import { HandmadeRepository } from '../../support/handmadeRepository.js';

it.each([
  ['timestamp', 1e308],
  ['timestamp', 2 ** 53],
  ['timestamp', -1],
  ['snapshot', 1e308],
  ['family', 2 ** 60],
])('a %s of version %s, rightly signed, is refused and damages nothing', async (role, version) => {
  const repository = new HandmadeRepository();
  repository.release({ version: '1.0.0' }, []);
  repository.sign();
  const root = join(mkdtempSync(join(tmpdir(), 'intentd-versions-')), 'root.json');
  writeFileSync(root, repository.rootBytes);
  const device = new FleetDevice('', root);
  expect(await device.outcome(repository)).toBe('accepted');
  repository.edit = (of, signed) => {
    if (of === role) signed['version'] = version;
    // What names the version of a family is the snapshot.
    if (of === 'snapshot' && role === 'family') {
      (signed['meta'] as Record<string, { version: number }>)['model-tiny.json']!.version = version;
    }
  };
  repository.sign(2);
  expect(await device.outcome(repository)).not.toBe('accepted');
  repository.edit = () => undefined;
  repository.sign(3);
  expect(await device.outcome(repository)).toBe('accepted');
});
