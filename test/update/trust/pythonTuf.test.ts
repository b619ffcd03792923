import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readBundle } from '../../../src/model/index.js';
import { FileServer } from '../../support/fileServer.js';
import { FleetDevice } from '../../support/fleetDevice.js';
import { missingPython, runPython } from '../../support/python.js';
import { writeTinyBundle } from '../../support/tinyBundle.js';
import { UpdateClient } from '../../support/updateClient.js';

const script = new URL('../../python/tuf_repository.py', import.meta.url);
const missing = missingPython('tuf.api.metadata', 'securesystemslib', 'cryptography');

it.skipIf(missing !== undefined)(
  `a repository that python-tuf made, with a rotated root, is consumed: metadata, channel and a whole bundle over HTTP${missing === undefined ? '' : ` (${missing})`}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'intentd-python-repository-'));
    const [repository, bundle] = [join(folder, 'repository'), join(folder, 'bundle')];
    const { files } = await writeTinyBundle(bundle);
    const made = JSON.parse(runPython(script, [repository, bundle, 'tiny', '1.0.0'])) as { manifest: string };
    const digests = [made.manifest, ...Object.values(files).map((file) => file.sha256)];
    const paths = ['tiny/channels/stable.json', ...digests.map((digest) => `tiny/files/${digest}`)];
    const device = new FleetDevice(repository);
    // The second time it has metadata of its own.
    for (let time = 0; time < 2; time++) {
      const found = await device.refresh(repository, [...paths, 'tiny/files/unknown']);
      expect([...found.keys()]).toEqual(paths);
      for (const digest of digests) expect(found.get(`tiny/files/${digest}`)!.sha256).toBe(digest);
    }
    const server = await new FileServer(repository).start();
    const client = new UpdateClient(server.url, join(repository, 'metadata', '1.root.json'));
    const fetched = await readBundle(await client.fetch());
    await server.stop();
    expect(fetched.digest).toBe(made.manifest);
  },
);
