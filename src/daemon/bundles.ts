import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IntentdError, packageFile, readHashedFile } from '../base/index.js';
import { createRules, type DecisionRules } from '../decision/index.js';
import {
  bundleFiles,
  decodeHead,
  parseGolden,
  parseLabels,
  readManifest,
  Safetensors,
  type GoldenUtterance,
  type HeadWeights,
  type Manifest,
  type Tokenizer,
} from '../model/index.js';
import type { Tokenizers } from './tokenizers.js';

/** What the daemon keeps of a bundle: everything but the encoder, which its worker holds. */
export interface LoadedBundle {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly digest: string;
  readonly tokenizer: Tokenizer;
  readonly rules: DecisionRules;
  /** For the engine. */
  readonly head: HeadWeights;
  readonly golden: readonly GoldenUtterance[];
}

/** The folder of a configured bundle; `builtin` is the one that is shipped. */
export function bundleFolder(configured: string): string {
  if (configured !== 'builtin') return configured;
  return packageFile('models/clinc150-minilm-l6');
}

/** A bundle's manifest, and the digest of the manifest: the bundle's identity. */
export interface BundleIdentity {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly digest: string;
  /** Bundles whose encoders have the same digest share an engine. */
  readonly encoder: string;
  /** Present for a head alone, which is no bundle before it is copied with what it lacks. */
  readonly composed?: {
    /** Folders of the files that are not in `folder`. */
    readonly folders: ReadonlyMap<string, string>;
    /** Files that are nowhere yet. */
    readonly written: ReadonlyMap<string, string>;
  };
}

/** @throws IntentdError `bad_bundle` or `bad_file` */
export async function identifyBundle(folder: string): Promise<BundleIdentity> {
  const { manifest, digest } = await readManifest(folder);
  return { folder, manifest, digest, encoder: manifest.files[bundleFiles.encoder]!.sha256 };
}

/**
 * Reads and checks what the daemon needs of a bundle: everything but the encoder, which takes most of the
 * memory, and which its worker reads and checks with the rest.
 *
 * @throws IntentdError `bad_bundle`, `bad_tokenizer` or `bad_rules`
 */
export async function loadBundle(identity: BundleIdentity, tokenizers: Tokenizers): Promise<LoadedBundle> {
  const { folder, manifest, digest, encoder } = identity;
  const { hidden, positions, vocabulary } = manifest.architecture;
  const [labelBytes, tokenizerBytes, goldenBytes, headBytes] = await Promise.all(
    [bundleFiles.labels, bundleFiles.tokenizer, bundleFiles.golden, bundleFiles.head].map((name) =>
      readListed(identity, name),
    ),
  );
  const { sha256 } = manifest.files[bundleFiles.tokenizer]!;
  const name = bundleFiles.tokenizer;
  const tokenizer = await tokenizers.of({ bytes: tokenizerBytes!, sha256, name, vocabulary, positions });
  // Requests have their turn between the pieces.
  await nextTurn();
  const labels = parseLabels(labelBytes!, bundleFiles.labels);
  const golden = parseGolden(goldenBytes!, labels, bundleFiles.golden);
  await nextTurn();
  const head = decodeHead(new Safetensors(headBytes!, bundleFiles.head), {
    head: manifest.head,
    intents: labels.length,
    hidden,
    encoder,
  });
  return {
    folder,
    manifest,
    digest,
    golden,
    tokenizer,
    rules: createRules(labels, head, manifest.decision),
    head,
  };
}

/** A file of the bundle, as the manifest lists it. */
async function readListed(
  { folder, manifest }: BundleIdentity,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const listed = manifest.files[name];
  if (listed === undefined) {
    throw new IntentdError('bad_bundle', `Bundle ${folder} is refused: manifest.json does not name ${name}.`);
  }
  const { bytes, sha256 } = await readHashedFile(join(folder, name), { maxBytes: listed.bytes, name });
  if (sha256 !== listed.sha256) {
    throw new IntentdError(
      'bad_bundle',
      `Bundle ${folder} is refused: ${name} has the SHA-256 ${sha256}, and manifest.json says ${listed.sha256}.`,
    );
  }
  return bytes;
}
