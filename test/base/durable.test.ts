import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic, writeFolderAtomic } from '../../src/base/index.js';
import { watchDisk } from '../support/crash/watchDisk.js';

let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'intentd-durable-'));
  folder = join(root, 'folder');
  mkdirSync(folder);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

/** What was done to the disk, in order: the operation, and on which name; `.tmp` is a temporary one. */
async function operationsOf(work: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const stop = watchDisk(root, ({ kind, path }) => {
    const name = basename(path).replace(/^\..*\.tmp$/, '.tmp');
    const one = `${kind} ${name}`;
    if (seen.at(-1) !== one) seen.push(one);
  });
  try {
    await work();
  } finally {
    stop();
  }
  return seen;
}

describe('what was replaced survives a power cut right after', () => {
  it('a file: its bytes are on the disk before its name, and its name before anybody is told', async () => {
    writeFileSync(join(folder, 'file'), 'old');
    expect(await operationsOf(() => writeFileAtomic(join(folder, 'file'), 'new'))).toEqual([
      'made .tmp',
      'write .tmp',
      'syncFile .tmp',
      'name file',
      'syncFolder folder',
    ]);
  });

  it('a folder: its files and their names before its own name', async () => {
    const files = new Map([['file', 'new']]);
    expect(await operationsOf(() => writeFolderAtomic(join(folder, 'new'), files))).toEqual([
      'made .tmp',
      'made file',
      'write file',
      'syncFile file',
      'syncFolder .tmp',
      'name new',
      'syncFolder folder',
    ]);
  });
});
