import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { DiskImage } from './diskImage.js';

interface Entry {
  readonly inode: number;
  readonly isFolder: boolean;
}

interface Database {
  readonly path: string;
  /** Of the database and its write-ahead log, as of the last commit. */
  synced: readonly [Buffer, Buffer];
}

const nothing = Buffer.alloc(0);

/**
 * What a power cut would leave of a folder: what was synced, by the letter of POSIX. A file's bytes are there once
 * it was synced, and a name in a folder once the folder was; SQLite syncs its own files at every commit.
 */
export class DiskModel {
  readonly #root: string;
  /** Bytes by inode, as they are now; read again where they were touched. */
  readonly #now = new Map<number, Buffer>();
  readonly #synced = new Map<number, Buffer>();
  readonly #syncedNames = new Map<number, ReadonlyMap<string, Entry>>();
  readonly #databases = new Map<string, Database>();

  /** All that is there already is taken for synced. */
  constructor(root: string) {
    this.#root = root;
    this.#syncAll(root);
  }

  touched(inode: number): void {
    this.#now.delete(inode);
  }

  /** An inode that a new file or folder has, and perhaps another one had before. */
  isNew(inode: number): void {
    this.#now.delete(inode);
    this.#synced.delete(inode);
    this.#syncedNames.delete(inode);
  }

  syncFile(inode: number, content: Buffer): void {
    this.#synced.set(inode, content);
  }

  syncFolder(path: string): void {
    this.#syncedNames.set(lstatSync(path).ino, namesIn(path));
  }

  /** Notes that the database's last commit is on the disk, and gives what was before. */
  syncDatabase(path: string): { before: readonly [Buffer, Buffer]; after: readonly [Buffer, Buffer] } {
    const after = [readOrNothing(path), readOrNothing(`${path}-wal`)] as const;
    const before = this.#databases.get(path)?.synced ?? [nothing, nothing];
    this.#databases.set(path, { path, synced: after });
    return { before, after };
  }

  /** Everything that was done, synced or not. */
  now(): Map<string, Buffer | 'folder'> {
    const image = new Map<string, Buffer | 'folder'>();
    const walk = (folder: string): void => {
      for (const [name, { inode, isFolder }] of namesIn(folder)) {
        const path = join(folder, name);
        if (!isFolder) image.set(this.#below(path), this.#read(path, inode));
        else {
          image.set(this.#below(path), 'folder');
          walk(path);
        }
      }
    };
    walk(this.#root);
    this.#putDatabases(image);
    return image;
  }

  /** What was synced, and nothing else. */
  synced(): DiskImage {
    const image = new Map<string, Buffer | 'folder'>();
    const walk = (inode: number, path: string): void => {
      for (const [name, entry] of this.#syncedNames.get(inode) ?? []) {
        const below = path === '' ? name : `${path}/${name}`;
        if (!entry.isFolder) image.set(below, this.#synced.get(entry.inode) ?? nothing);
        else {
          image.set(below, 'folder');
          walk(entry.inode, below);
        }
      }
    };
    walk(lstatSync(this.#root).ino, '');
    this.#putDatabases(image);
    return image;
  }

  /** The same image with other bytes of a database. */
  withDatabase(image: DiskImage, path: string, [main, log]: readonly [Buffer, Buffer]): DiskImage {
    const changed = new Map(image);
    put(changed, this.#below(path), main);
    put(changed, `${this.#below(path)}-wal`, log);
    return changed;
  }

  #putDatabases(image: Map<string, Buffer | 'folder'>): void {
    for (const { path, synced } of this.#databases.values()) {
      const below = this.#below(path);
      image.delete(`${below}-shm`);
      put(image, below, synced[0]);
      put(image, `${below}-wal`, synced[1]);
    }
  }

  #syncAll(folder: string): void {
    const names = namesIn(folder);
    this.#syncedNames.set(lstatSync(folder).ino, names);
    for (const [name, { inode, isFolder }] of names) {
      const path = join(folder, name);
      if (isFolder) this.#syncAll(path);
      else this.#synced.set(inode, this.#read(path, inode));
      if (name.endsWith('.db')) this.syncDatabase(path);
    }
  }

  #read(path: string, inode: number): Buffer {
    let content = this.#now.get(inode);
    if (content === undefined) {
      content = readFileSync(path);
      this.#now.set(inode, content);
    }
    return content;
  }

  #below(path: string): string {
    return relative(this.#root, path);
  }
}

/** A file is there with bytes, unless its folder is not. */
function put(image: Map<string, Buffer | 'folder'>, path: string, content: Buffer): void {
  const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  if (folder !== '' && !image.has(folder)) return;
  if (content.length === 0) image.delete(path);
  else image.set(path, content);
}

function namesIn(folder: string): Map<string, Entry> {
  const names = readdirSync(folder, { withFileTypes: true });
  return new Map(
    names.map((entry) => [
      entry.name,
      { inode: lstatSync(join(folder, entry.name)).ino, isFolder: entry.isDirectory() },
    ]),
  );
}

function readOrNothing(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nothing;
    throw error;
  }
}
