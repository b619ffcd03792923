import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRegularFile } from '../base/index.js';
import { createRules, type DecisionRules } from '../decision/index.js';
import {
  bundleFiles,
  createTokenizer,
  headToOnnx,
  manifestFile,
  parseManifest,
  readBundle,
  type GoldenUtterance,
  type Manifest,
  type Tokenizer,
} from '../model/index.js';

/** What the daemon keeps of a bundle: everything but the encoder, which its worker holds. */
export interface LoadedBundle {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly digest: string;
  readonly tokenizer: Tokenizer;
  readonly rules: DecisionRules;
  /** The head as ONNX, for the engine. */
  readonly headOnnx: Uint8Array;
  readonly golden: readonly GoldenUtterance[];
}

/** The folder of a configured bundle; `builtin` is the one that is shipped. */
export function bundleFolder(configured: string): string {
  if (configured !== 'builtin') return configured;
  // The same two folders up from src/ and from dist/.
  return fileURLToPath(new URL('../../models/clinc150-minilm-l6', import.meta.url));
}

/** The digest of a bundle's encoder, by its manifest alone: bundles that share it share an engine. */
export async function encoderDigest(folder: string): Promise<string> {
  const bytes = await readRegularFile(join(folder, manifestFile), { maxBytes: 1 << 20, name: manifestFile });
  return parseManifest(bytes).files[bundleFiles.encoder]!.sha256;
}

/**
 * Reads a bundle and checks every part of it.
 *
 * @throws IntentdError `bad_bundle`, `bad_tokenizer` or `bad_rules`
 */
export async function loadBundle(folder: string): Promise<LoadedBundle> {
  const { manifest, digest, labels, head, tokenizerJson, golden } = await readBundle(folder);
  return {
    folder,
    manifest,
    digest,
    golden,
    tokenizer: createTokenizer(tokenizerJson, { positions: manifest.architecture.positions }),
    rules: createRules(labels, head, manifest.decision),
    headOnnx: headToOnnx(head, manifest.architecture.hidden),
  };
}
