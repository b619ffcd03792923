import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { IntentdError, readRegularFile, sha256 } from '../base/index.js';
import {
  bundleFiles,
  headManifestFile,
  manifestFile,
  parseHeadManifest,
  type HeadManifest,
  type Manifest,
  maxManifestBytes,
} from '../model/index.js';
import type { BundleIdentity } from './bundles.js';

/** Whether a folder holds a head alone, and no bundle. */
export async function isBareHead(folder: string): Promise<boolean> {
  const found = await Promise.allSettled(
    [headManifestFile, manifestFile].map((name) => lstat(join(folder, name))),
  );
  return found[0]!.status === 'fulfilled' && found[1]!.status === 'rejected';
}

/**
 * The bundle that a head makes with the encoder and the tokenizer of one that serves.
 *
 * @param serving the bundles that serve, the most wanted first
 * @throws IntentdError `no_encoder` where none of them has the encoder it was fitted on; `bad_bundle`, `bad_file`
 */
export async function identifyBareHead(
  folder: string,
  serving: readonly BundleIdentity[],
): Promise<BundleIdentity> {
  const name = join(folder, headManifestFile);
  const bare = parseHeadManifest(await readRegularFile(name, { maxBytes: maxManifestBytes, name }));
  const base = serving.find(({ encoder }) => encoder === bare.encoder);
  if (base === undefined) {
    throw new IntentdError(
      'no_encoder',
      `Head ${bare.id} was fitted on the encoder ${bare.encoder}, and no bundle that serves has it: load one first.`,
    );
  }
  const manifest = wholeManifest(bare, base.manifest);
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const written = new Map([[manifestFile, text]]);
  if (bare.files[bundleFiles.golden] === undefined) written.set(bundleFiles.golden, '');
  const folders = new Map([bundleFiles.encoder, bundleFiles.tokenizer].map((file) => [file, base.folder]));
  return { folder, manifest, digest: sha256(text), encoder: bare.encoder, composed: { folders, written } };
}

function wholeManifest(
  { id, version, head, decision, evaluation, files }: HeadManifest,
  base: Manifest,
): Manifest {
  return {
    ...base,
    ...{ id, version, head, decision, evaluation },
    files: {
      [bundleFiles.encoder]: base.files[bundleFiles.encoder]!,
      [bundleFiles.tokenizer]: base.files[bundleFiles.tokenizer]!,
      [bundleFiles.head]: files[bundleFiles.head],
      [bundleFiles.labels]: files[bundleFiles.labels],
      [bundleFiles.golden]: files[bundleFiles.golden] ?? { sha256: sha256(''), bytes: 0 },
    },
  };
}
