import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';

const shipped = join(import.meta.dirname, '../../models/clinc150-minilm-l6');

/** A copy of the shipped bundle with something wrong. */
function broken(change: (folder: string) => void): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'intentd-bundle-')), 'bundle');
  cpSync(shipped, folder, { recursive: true });
  change(folder);
  return folder;
}

function flipByte(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
}

const faults: [string, string, (folder: string) => void][] = [
  [
    'a missing file',
    'labels.json',
    (folder) => {
      rmSync(join(folder, 'labels.json'));
    },
  ],
  [
    'a wrong digest of the encoder',
    'encoder.safetensors has the SHA-256',
    (folder) => {
      flipByte(join(folder, 'encoder.safetensors'));
    },
  ],
  [
    'a wrong digest of the head',
    'head.safetensors has the SHA-256',
    (folder) => {
      flipByte(join(folder, 'head.safetensors'));
    },
  ],
  [
    'half a manifest',
    'manifest.json is not valid JSON',
    (folder) => {
      const file = join(folder, 'manifest.json');
      writeFileSync(file, readFileSync(file).subarray(0, 500));
    },
  ],
];

describe('fault 16: a bundle with', () => {
  it.each(faults)(
    '%s is refused with the reason',
    async (_name, reason, change) => {
      const folder = broken(change);
      const { status, err } = await intentd(
        ...[
          'run',
          '--bundle',
          folder,
          '--set',
          'broker.embeddedPort=0',
          '--state-dir',
          mkdtempSync(tmpdir() + '/i-'),
        ],
      );
      expect(status).toBe(1);
      expect(err).toContain(reason);
    },
    60_000,
  );

  it('anything wrong does not keep the others from serving, even with the same encoder', async () => {
    const folders = faults.map(([, , change]) => broken(change));
    const agent = new Agent();
    await agent.start('--set', `model.bundles=${[...folders, 'builtin'].join(',')}`);
    const refusals = agent.log.filter(({ msg }) => msg === 'a bundle was refused');
    expect(refusals).toHaveLength(folders.length);
    expect((await intentd('ask', ...agent.options, 'crack a joke for the two of us')).out).toContain(
      'tell_joke',
    );
    expect(await agent.end()).toBe(0);
  }, 60_000);
});
