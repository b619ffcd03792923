import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addonPath, loadAddon, nativeCode } from '../../../src/engine/tensorrt/addon.js';

describe('loading the TensorRT addon', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'intentd-addon-'))));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const fails = (path: string) => expect(() => loadAddon(path));

  it('says how to build one that is not there', () => {
    fails(join(folder, 'none.node')).toThrow(
      expect.objectContaining({
        code: 'no_addon',
        message: expect.stringMatching(/none\.node is not there; .*build:native/) as unknown,
      }),
    );
  });

  it('says why one cannot be loaded', () => {
    const file = join(folder, 'text.node');
    writeFileSync(file, 'text');
    fails(file).toThrow(
      expect.objectContaining({
        code: 'no_addon',
        message: expect.stringMatching(/text\.node cannot be loaded: .*text\.node/) as unknown,
      }),
    );
  });

  it('says what another version lacks', () => {
    const file = join(folder, 'older.cjs');
    writeFileSync(file, 'module.exports = { runtimeInfo() {}, infer: 1 };');
    fails(file).toThrow(/is not this version's TensorRT addon: it has no setLogSink, .*infer/);
  });

  it('is looked for where it is built, or where INTENTD_NATIVE says', () => {
    expect(addonPath({})).toMatch(/\/build\/Release\/intentd_native\.node$/);
    expect(addonPath({ INTENTD_NATIVE: '/opt/a.node' })).toBe('/opt/a.node');
    expect(addonPath({ INTENTD_NATIVE: '' })).toBe(addonPath({}));
  });

  it('knows the codes of its errors from others', () => {
    expect(nativeCode(Object.assign(new Error('gone'), { code: 'UNLOADED' }))).toBe('UNLOADED');
    expect(nativeCode(Object.assign(new Error('gone'), { code: 'ENOENT' }))).toBeUndefined();
    expect(nativeCode('UNLOADED')).toBeUndefined();
  });
});
