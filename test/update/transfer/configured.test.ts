import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { silentLogger, systemClock } from '../../../src/base/index.js';
import { loadConfig } from '../../../src/config/index.js';
import { deviceKind, openConfiguredSource, type UpdateSource } from '../../../src/update/index.js';
import { Fleet } from '../../support/fleet.js';

const fleet = new Fleet();
const folder = mkdtempSync(join(tmpdir(), 'intentd-configured-'));
const rootFile = join(folder, 'root.json');
const empty = join(folder, 'empty.yaml');

beforeAll(async () => {
  writeFileSync(empty, '');
  await fleet.init();
  await fleet.add();
  copyFileSync(fleet.firstRoot, rootFile);
});

async function open(flags: Record<string, string>, location?: string): Promise<UpdateSource> {
  const { config } = await loadConfig({ env: {}, file: empty, flags: { stateDir: folder, ...flags } });
  return openConfiguredSource({ config, location, agent: '0.1.0', clock: systemClock, log: silentLogger });
}

describe('the source that the configuration names', () => {
  it('is opened with the root that it names', async () => {
    const source = await open({ 'update.source': fleet.repository, 'update.rootFile': rootFile });
    const [offer] = await source.check(['tiny'], new AbortController().signal);
    expect(offer).toMatchObject({ family: 'tiny', channel: 'stable', refusal: undefined });
  });

  it('gives way to a medium that somebody brought', async () => {
    const flags = { 'update.source': 'https://updates.example/', 'update.rootFile': rootFile };
    const source = await open(flags, fleet.repository);
    expect(await source.check(['tiny'], new AbortController().signal)).toHaveLength(1);
  });

  it('is missed with what to do', async () => {
    await expect(open({})).rejects.toThrow(/update\.source/);
    await expect(open({ 'update.source': fleet.repository })).rejects.toThrow(
      /1\.root\.json .* update\.rootFile/,
    );
  });

  it.each([
    ['update.source', 'updates.example'],
    ['update.source', 'ftp://updates.example'],
    ['update.proxy', 'http://user:secret@proxy:3128'],
    ['update.channel', 'Stable'],
  ])('is refused where %s is %s', async (setting, value) => {
    await expect(open({ [setting]: value })).rejects.toMatchObject({ code: 'bad_config' });
  });
});

describe('the kind of a device', () => {
  it.each([
    ['NVIDIA Jetson Orin Nano Developer Kit\0', 'jetson-orin'],
    ['NVIDIA Jetson AGX Xavier\0', 'jetson'],
    ['Raspberry Pi 5 Model B\0', `${process.platform}-${process.arch}`],
  ])('of %j is %s', (model, kind) => {
    const file = join(folder, 'model');
    writeFileSync(file, model);
    expect(deviceKind(file)).toBe(kind);
    expect(deviceKind(join(folder, 'none'))).toBe(`${process.platform}-${process.arch}`);
  });
});
