import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/index.js';
import { KnownGraphs } from '../../../src/engine/index.js';

describe('what is known of graphs', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'intentd-graphs-'))));
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const opened = (builtAt: number) => new KnownGraphs(folder, silentLogger, builtAt);

  it('is known after a restart, of each bundle and attention', async () => {
    const known = opened(7);
    await known.note('bundle', 'plugin', 'one');
    await known.note('bundle', 'standard', 'two');
    const again = opened(7);
    expect(again.of('bundle', 'plugin')).toBe('one');
    expect(again.of('bundle', 'standard')).toBe('two');
    expect(again.of('other', 'plugin')).toBeUndefined();
  });

  it('counts for nothing where another program made them, or one that is run from its sources', async () => {
    await opened(7).note('bundle', 'plugin', 'one');
    expect(opened(8).of('bundle', 'plugin')).toBeUndefined();
    await opened(0).note('bundle', 'plugin', 'of the sources');
    expect(opened(7).of('bundle', 'plugin')).toBe('one');
  });

  it('does not keep an engine from serving where it cannot be written', async () => {
    const known = new KnownGraphs(join(folder, 'gone'), silentLogger, 7);
    await known.note('bundle', 'plugin', 'one');
    expect(known.of('bundle', 'plugin')).toBe('one');
  });

  it('counts for nothing where it is damaged, and is written anew', async () => {
    writeFileSync(join(folder, 'graphs.json'), '{"builtAt": 7, "graphs": {"bundle plu');
    const known = opened(7);
    expect(known.of('bundle', 'plugin')).toBeUndefined();
    await known.note('bundle', 'plugin', 'one');
    expect(opened(7).of('bundle', 'plugin')).toBe('one');
  });
});
