import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  readHashedFile,
  readRegularFile,
  sha256,
  sha256OfFile,
  writeFileAtomic,
  writeFolderAtomic,
} from '../../src/base/index.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('reading', () => {
  const limits = { maxBytes: 1 << 24 };

  test.each([0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])(
    'gives all of %i bytes and the digest of exactly these',
    async (size) => {
      const path = join(folder, 'data');
      const data = Uint8Array.from({ length: size }, (_, at) => (at * 31) % 251);
      await writeFile(path, data);
      const { bytes, sha256: digest } = await readHashedFile(path, limits);
      expect(Buffer.compare(bytes, data)).toBe(0);
      expect(digest).toBe(sha256(data));
      expect(await sha256OfFile(path, limits)).toBe(digest);
      expect(Buffer.compare(await readRegularFile(path, limits), data)).toBe(0);
    },
  );

  test('refuses what is longer than allowed', async () => {
    const path = join(folder, 'data');
    await writeFile(path, 'four');
    await expect(readRegularFile(path, { maxBytes: 3, name: 'data' })).rejects.toThrow(
      'data is 4 bytes long, and at most 3 were expected.',
    );
  });

  test('refuses links, folders, devices and what is missing', async () => {
    await symlink('/etc/hostname', join(folder, 'link'));
    const read = (path: string) => readRegularFile(path, { ...limits, name: 'it' });
    await expect(read(join(folder, 'link'))).rejects.toThrow('it is a symbolic link where');
    await expect(read(folder)).rejects.toThrow('it is not a regular file.');
    await expect(read('/dev/zero')).rejects.toThrow('it is not a regular file.');
    await expect(read(join(folder, 'nothing'))).rejects.toThrow('it is missing.');
  });
});

describe('writing a file', () => {
  test('leaves what is no regular file as it is, and says so', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    await expect(writeFileAtomic(path, 'new')).rejects.toMatchObject({ code: 'not_a_file' });
    expect((await stat(path)).isFIFO()).toBe(true);
    expect(await readdir(folder)).toEqual(['pipe']);
  });

  test('replaces it and leaves nothing else behind', async () => {
    const path = join(folder, 'state.json');
    await writeFileAtomic(path, 'old');
    await writeFileAtomic(path, 'new', { mode: 0o600 });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['state.json']);
  });

  test('leaves the old one, and nothing else, where it fails', async () => {
    await mkdir(join(folder, 'state.json'));
    await expect(writeFileAtomic(join(folder, 'state.json'), 'new')).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['state.json']);
  });
});

describe('writing a folder', () => {
  const files = new Map<string, string>([
    ['a', 'one'],
    ['b', 'two'],
  ]);

  test('makes it whole, parents included', async () => {
    await writeFolderAtomic(join(folder, 'x', 'y'), files);
    expect(await readdir(join(folder, 'x'))).toEqual(['y']);
    expect(await readFile(join(folder, 'x', 'y', 'b'), 'utf8')).toBe('two');
  });

  test('takes over an empty folder', async () => {
    await mkdir(join(folder, 'x'));
    await writeFolderAtomic(join(folder, 'x'), files);
    expect(await readdir(join(folder, 'x'))).toEqual(['a', 'b']);
  });

  test('leaves a folder with something in it as it is, and nothing else behind', async () => {
    await mkdir(join(folder, 'x'));
    await writeFile(join(folder, 'x', 'mine'), 'kept');
    await expect(writeFolderAtomic(join(folder, 'x'), files)).rejects.toMatchObject({ code: 'exists' });
    expect(await readdir(join(folder, 'x'))).toEqual(['mine']);
    expect(await readdir(folder)).toEqual(['x']);
  });

  test('leaves nothing behind where a file cannot be written', async () => {
    await expect(writeFolderAtomic(join(folder, 'x'), new Map([['no/such', 'x']]))).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
  });
});
