import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/index.js';
import { Fleet } from '../../support/fleet.js';
import { missingPython, runPython } from '../../support/python.js';

const client = new URL('../../python/tuf_client.py', import.meta.url);
const missing = missingPython('tuf.ngclient', 'securesystemslib', 'cryptography');

/** A device that is updated with python-tuf's client. */
class PythonDevice {
  readonly #cache = mkdtempSync(join(tmpdir(), 'intentd-python-tuf-'));
  readonly #fleet: Fleet;
  readonly #root: string;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#root = fleet.firstRoot;
  }

  fetch(...targets: readonly string[]): Record<string, string | null> {
    const args = [this.#root, this.#fleet.repository, this.#cache, ...targets];
    return JSON.parse(runPython(client, args)) as Record<string, string | null>;
  }
}

function fileTargetsOf(bundle: string): string[] {
  const bytes = readFileSync(join(bundle, 'manifest.json'));
  const { files } = JSON.parse(bytes.toString()) as { files: Record<string, { sha256: string }> };
  return [sha256(bytes), ...Object.values(files).map((file) => file.sha256)].map((it) => `tiny/files/${it}`);
}

describe.skipIf(missing !== undefined)(
  `python-tuf's client${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    it('accepts a repository of intentd publish, with thresholds, and gets every file of a bundle', async () => {
      const fleet = await new Fleet().init({
        roles: { targets: { keys: 3, threshold: 2 }, snapshot: { keys: 2, threshold: 2 } },
      });
      const targets = fileTargetsOf(await fleet.add());
      const found = new PythonDevice(fleet).fetch(...targets, 'tiny/channels/stable.json');
      expect(targets.map((target) => found[target])).toEqual(targets.map((target) => target.slice(-64)));
      expect(found['tiny/channels/stable.json']).not.toBeNull();
    });

    it('follows it through rotations of every role, renewals and new releases', async () => {
      const fleet = await new Fleet().init();
      const first = fileTargetsOf(await fleet.add());
      const device = new PythonDevice(fleet);
      device.fetch(first[0]!);
      for (const role of ['root', 'timestamp', 'snapshot', 'targets', 'model-tiny']) {
        await fleet.rotate(role);
        expect(device.fetch(first[0]!)[first[0]!]).toBe(first[0]!.slice(-64));
      }
      await fleet.rotate('root', { keys: 3, threshold: 2 });
      await fleet.expire(400, true);
      const second = fileTargetsOf(await fleet.add({ parts: { version: '2.0.0' }, headHidden: 8 }));
      const found = device.fetch(...second, first[0]!);
      expect(second.map((target) => found[target])).toEqual(second.map((target) => target.slice(-64)));
      // The version that 2.0.0 replaced for every device.
      expect(found[first[0]!]).toBeNull();
    });

    it('refuses it where it expired, as ours must', async () => {
      const fleet = new Fleet();
      fleet.passDays(-30);
      await fleet.init();
      expect(() => new PythonDevice(fleet).fetch()).toThrow(/expired/);
    });
  },
);
