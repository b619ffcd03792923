import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  IntentdError,
  messageOf,
  type ReadOptions,
  readHashedFile,
  sha256,
  sha256OfFile,
  readRegularFile,
} from '../../base/index.js';
import { type BundleBytes, type BundleContents, decodeContents } from './contents.js';
import { bundleFiles, type Manifest, manifestFile, maxManifestBytes, parseManifest } from './manifest.js';

/** A bundle in memory, every part of it checked. */
export interface Bundle extends BundleContents {
  readonly folder: string;
  readonly manifest: Manifest;
  /** SHA-256 of `manifest.json`, which names every other file's: the bundle's identity. */
  readonly digest: string;
  /** The bytes of `encoder.safetensors`, to be kept as they are when only the head changes. */
  readonly encoderBytes: Uint8Array<ArrayBuffer>;
}

type Files = Manifest['files'];

/**
 * Reads and checks a bundle: the manifest, then every file's size, then every file's SHA-256, then
 * what the files hold. Each file is read once, and the bytes that were hashed are those decoded.
 *
 * @throws IntentdError `bad_bundle`, one sentence that names the file, the field and what was expected
 */
export async function readBundle(folder: string): Promise<Bundle> {
  try {
    const manifestBytes = await readRegularFile(join(folder, manifestFile), {
      maxBytes: maxManifestBytes,
      name: manifestFile,
    });
    const manifest = parseManifest(manifestBytes);
    await checkNames(folder, manifest.files);
    await checkSizes(folder, manifest.files);
    const bytes = await readHashed(folder, manifest.files);
    return {
      folder,
      manifest,
      digest: sha256(manifestBytes),
      encoderBytes: bytes.encoder,
      ...decodeContents(manifest, bytes),
    };
  } catch (cause) {
    throw new IntentdError('bad_bundle', `Bundle ${folder} is refused: ${messageOf(cause)}`, { cause });
  }
}

/** Refuses files that the manifest does not vouch for. */
async function checkNames(folder: string, files: Files): Promise<void> {
  const stranger = (await readdir(folder)).find(
    (name) => name !== manifestFile && !Object.hasOwn(files, name),
  );
  if (stranger !== undefined) {
    throw bad(stranger, 'is in the folder, and manifest.json does not name it');
  }
}

async function checkSizes(folder: string, files: Files): Promise<void> {
  for (const [name, { bytes }] of Object.entries(files)) {
    const stat = await lstatOf(folder, name);
    if (!stat.isFile()) {
      throw bad(name, `is ${stat.isSymbolicLink() ? 'a symbolic link' : 'not a regular file'}`);
    }
    if (stat.size !== bytes) {
      throw bad(name, `is ${stat.size} bytes long, and manifest.json says ${bytes}`);
    }
  }
}

async function lstatOf(folder: string, name: string) {
  try {
    return await lstat(join(folder, name));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw bad(name, 'is missing, and manifest.json names it', cause);
    }
    throw cause;
  }
}

async function readHashed(folder: string, files: Files): Promise<BundleBytes> {
  const kept = new Map<string, Uint8Array<ArrayBuffer>>();
  const needed = new Set<string>(Object.values(bundleFiles));
  for (const [name, { sha256: expected, bytes: size }] of Object.entries(files)) {
    const options: ReadOptions = { maxBytes: size, name };
    let found: string;
    if (needed.has(name)) {
      const file = await readHashedFile(join(folder, name), options);
      kept.set(name, file.bytes);
      found = file.sha256;
    } else {
      found = await sha256OfFile(join(folder, name), options);
    }
    if (found !== expected) {
      throw bad(name, `has the SHA-256 ${found}, and manifest.json says ${expected}`);
    }
  }
  return {
    encoder: kept.get(bundleFiles.encoder)!,
    head: kept.get(bundleFiles.head)!,
    labels: kept.get(bundleFiles.labels)!,
    tokenizer: kept.get(bundleFiles.tokenizer)!,
    golden: kept.get(bundleFiles.golden)!,
  };
}

function bad(file: string, fault: string, cause?: unknown): IntentdError {
  return new IntentdError('bad_bundle', `${file} ${fault}.`, { cause });
}
