import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What lies on a disk: by path below its root, the bytes of a file, or `folder`. */
export type DiskImage = ReadonlyMap<string, Buffer | 'folder'>;

/** Makes a folder with exactly what the image holds. */
export function writeImage(image: DiskImage, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of [...image].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (content === 'folder') mkdirSync(join(folder, path), { recursive: true });
    else writeFileSync(join(folder, path), content);
  }
}

const digests = new WeakMap<Buffer, string>();

/** The same for images that are the same. */
export function fingerprint(image: DiskImage): string {
  const hash = createHash('sha256');
  for (const path of [...image.keys()].sort()) {
    const content = image.get(path)!;
    hash.update(`${path}\0${content === 'folder' ? content : digestOf(content)}\0`);
  }
  return hash.digest('hex');
}

function digestOf(content: Buffer): string {
  let digest = digests.get(content);
  if (digest === undefined) {
    digest = createHash('sha256').update(content).digest('hex');
    digests.set(content, digest);
  }
  return digest;
}
