import Database from 'better-sqlite3';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type * as Fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const fs = createRequire(import.meta.url)('node:fs') as typeof Fs;

/** An operation that changes what is on the disk, or makes a change last. */
export type DiskOperation =
  /** A file or folder was made, with these inodes. */
  | { readonly kind: 'made'; readonly path: string; readonly inodes: readonly number[] }
  /** A name was given, changed or taken away. */
  | { readonly kind: 'name'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly inode: number }
  | { readonly kind: 'syncFile'; readonly path: string; readonly inode: number; readonly content: Buffer }
  | { readonly kind: 'syncFolder'; readonly path: string }
  | { readonly kind: 'commit'; readonly path: string };

type Tell = (operation: DiskOperation) => void;
type Call = (...args: unknown[]) => unknown;

const writing = ['write', 'writev', 'writeFile', 'appendFile', 'truncate'] as const;
/** What nobody may use below the folder, so that nothing is overlooked. */
const unwatched = ['writeFile', 'cp', 'copyFile', 'appendFile', 'truncate', 'mkdtemp', 'symlink'] as const;
const unwatchedSync = [
  'mkdirSync',
  'copyFileSync',
  'cpSync',
  'renameSync',
  'linkSync',
  'appendFileSync',
] as const;

/**
 * Tells of every durable operation that this process does below a folder, by whatever code: the file functions of
 * Node.js and SQLite's transactions are replaced until the returned function is called.
 */
export function watchDisk(root: string, tell: Tell): () => void {
  const below = (path: unknown): path is string => typeof path === 'string' && path.startsWith(`${root}/`);
  const undo: (() => void)[] = [];
  const replace = (target: object, name: string, make: (before: Call) => Call): void => {
    const calls = target as Record<string, Call>;
    const before = calls[name]!;
    calls[name] = make(before);
    undo.push(() => (calls[name] = before));
  };
  replaceNaming(replace, below, tell);
  replaceWriting(replace, below, tell);
  for (const [target, names] of [
    [fs.promises, unwatched],
    [fs, unwatchedSync],
  ] as const) {
    for (const name of names) {
      replace(target, name, (before) => (...args) => {
        if (args.some(below)) throw new Error(`${name} is not watched: watch it, or use what is.`);
        return before(...args);
      });
    }
  }
  replace(Database.prototype, 'transaction', (before) => {
    return function (this: Database.Database, work: unknown) {
      const run = before.call(this, work) as Call;
      return (...args: unknown[]) => {
        const result = run(...args);
        if (below(this.name)) tell({ kind: 'commit', path: this.name });
        return result;
      };
    };
  });
  syncBuiltinESMExports();
  return () => {
    for (const one of undo.reverse()) one();
    syncBuiltinESMExports();
  };
}

type Replace = (target: object, name: string, make: (before: Call) => Call) => void;
type Below = (path: unknown) => path is string;

function replaceNaming(replace: Replace, below: Below, tell: Tell): void {
  for (const [name, changed] of [
    ['rename', 1],
    ['link', 1],
    ['unlink', 0],
    ['rmdir', 0],
  ] as const) {
    replace(fs.promises, name, (before) => async (...args) => {
      await before(...args);
      const path = args[changed];
      if (below(path)) tell({ kind: 'name', path });
    });
  }
  replace(fs.promises, 'mkdir', (before) => async (path, options) => {
    const first = await before(path, options);
    if (!below(path)) return first;
    const isRecursive = (options as { recursive?: boolean } | undefined)?.recursive === true;
    const from = isRecursive ? (first as string | undefined) : path;
    if (from === undefined) return first;
    const inodes: number[] = [];
    for (let at = path; at.length >= from.length; at = dirname(at)) inodes.push(fs.lstatSync(at).ino);
    tell({ kind: 'made', path, inodes });
    return first;
  });
  replace(fs.promises, 'rm', (before) => async (path, options) => {
    // In pieces, as the system does it.
    if (below(path)) await removeBelow(path);
    await before(path, options);
  });
}

function replaceWriting(replace: Replace, below: Below, tell: Tell): void {
  replace(fs.promises, 'open', (before) => async (...args) => {
    const [path] = args;
    const isNew = below(path) && !fs.existsSync(path);
    const handle = (await before(...args)) as FileHandle;
    if (!below(path)) return handle;
    if (isNew) tell({ kind: 'made', path, inodes: [fs.fstatSync(handle.fd).ino] });
    watchHandle(handle, path, tell);
    return handle;
  });
  replace(fs, 'writeFileSync', (before) => (...args) => {
    const [path] = args;
    if (!below(path)) return before(...args);
    const isNew = !fs.existsSync(path);
    before(...args);
    const inode = fs.lstatSync(path).ino;
    if (isNew) tell({ kind: 'made', path, inodes: [inode] });
    tell({ kind: 'write', path, inode });
    return undefined;
  });
}

async function removeBelow(path: string): Promise<void> {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    await fs.promises.unlink(path);
    return;
  }
  for (const name of fs.readdirSync(path)) await removeBelow(join(path, name));
  await fs.promises.rmdir(path);
}

function watchHandle(handle: FileHandle, path: string, tell: Tell): void {
  const stat = fs.fstatSync(handle.fd);
  const inode = stat.ino;
  const calls = handle as unknown as Record<string, Call>;
  for (const name of writing) {
    const before = calls[name]!.bind(handle);
    calls[name] = async (...args) => {
      const result = await before(...args);
      tell({ kind: 'write', path, inode });
      return result;
    };
  }
  for (const name of ['sync', 'datasync'] as const) {
    const before = calls[name]!.bind(handle);
    calls[name] = async () => {
      await before();
      if (stat.isDirectory()) tell({ kind: 'syncFolder', path });
      // By its number: it may have another name by now.
      else tell({ kind: 'syncFile', path, inode, content: fs.readFileSync(`/proc/self/fd/${handle.fd}`) });
    };
  }
}
