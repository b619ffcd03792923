import { IntentdError, parseWith, sha256, writeFolderAtomic } from '../../base/index.js';
import type { Encoder, Head } from '../encoder.js';
import { type BundleBytes, decodeContents } from './contents.js';
import { encodeEncoder } from './encoderWriter.js';
import { encodeGolden, type GoldenUtterance } from './golden.js';
import { encodeHead, type HeadPrecision } from './headFile.js';
import { bundleFiles, type Manifest, manifestFile, manifestSchema } from './manifest.js';
import { sparseLayersOf, sparseShare } from './sparseShare.js';
import type { TokenizerJson } from './tokenizerVocabulary.js';

/** What a bundle is made of; all else that its manifest says follows from it. */
export interface BundleParts {
  readonly id: string;
  readonly version: string;
  readonly minAgent: string;
  /** INT8, with activation steps; layers that call themselves sparse are packed. */
  readonly encoder: Encoder;
  /**
   * The bytes of an `encoder.safetensors` that holds `encoder`, to be kept as they are: bundles with
   * equal encoder files share their engine. Absent, `encoder` is encoded.
   */
  readonly encoderBytes?: Uint8Array<ArrayBuffer>;
  /** `encoder` may be left out; where it is given it must be the digest of this bundle's encoder file. */
  readonly head: Omit<Head, 'encoder'> & Partial<Pick<Head, 'encoder'>>;
  /** `F32`, which keeps the head exactly, if absent. */
  readonly headPrecision?: HeadPrecision;
  readonly labels: readonly string[];
  readonly tokenizerJson: TokenizerJson;
  readonly golden: readonly GoldenUtterance[];
  /** The share of zeros that the sparsity plan aimed at, 0…0.5. */
  readonly sparsityTarget: number;
  readonly quantizationMethod: Manifest['quantization']['method'];
  readonly decision: Manifest['decision'];
  readonly evaluation: Manifest['evaluation'];
  /** The model card, `README.md`. */
  readonly readme?: string;
}

/**
 * Writes a bundle that `readBundle` accepts: what it would refuse is refused before anything is
 * written. The folder appears whole or not at all.
 *
 * @param folder must not exist, or be empty
 * @throws IntentdError `exists` if there is something in the folder; `bad_encoder`, `bad_packing`,
 *   `bad_bundle`, `bad_safetensors` or `bad_json` for parts that make no bundle
 */
export async function writeBundle(folder: string, parts: BundleParts): Promise<Manifest> {
  const bytes = encodeParts(parts);
  const files = new Map<string, Uint8Array>();
  for (const [part, name] of Object.entries(bundleFiles)) {
    files.set(name, bytes[part as keyof BundleBytes]);
  }
  if (parts.readme !== undefined) {
    files.set('README.md', utf8(parts.readme));
  }
  const manifest = parseWith(manifestSchema, describe(parts, files), manifestFile, 'bad_bundle');
  decodeContents(manifest, bytes);
  files.set(manifestFile, utf8(`${JSON.stringify(manifest, null, 2)}\n`));
  await writeFolderAtomic(folder, files);
  return manifest;
}

function encodeParts(parts: BundleParts): BundleBytes {
  const encoder = parts.encoderBytes ?? encodeEncoder(parts.encoder);
  const digest = sha256(encoder);
  if (parts.head.encoder !== undefined && parts.head.encoder !== digest) {
    throw new IntentdError(
      'bad_bundle',
      `The head was fitted on the encoder ${parts.head.encoder}, and the bundle's is ${digest}.`,
    );
  }
  return {
    encoder,
    head: encodeHead(
      { ...parts.head, encoder: digest },
      parts.encoder.architecture.hidden,
      parts.headPrecision ?? 'F32',
    ),
    labels: utf8(`${JSON.stringify({ intents: parts.labels }, null, 1)}\n`),
    tokenizer: utf8(JSON.stringify(parts.tokenizerJson)),
    golden: utf8(encodeGolden(parts.golden)),
  };
}

function describe(parts: BundleParts, files: ReadonlyMap<string, Uint8Array>): Manifest {
  const { id, version, minAgent, encoder, head, decision, evaluation } = parts;
  const layers = sparseLayersOf(encoder);
  return {
    format: 1,
    id,
    version,
    minAgent,
    architecture: { ...encoder.architecture },
    attention: { ...encoder.attention },
    sparsity: {
      pattern: '2:4',
      target: parts.sparsityTarget,
      achieved: sparseShare(encoder.architecture, layers),
      layers,
    },
    quantization: { weights: 'int8', activations: 'int8', method: parts.quantizationMethod },
    head: head.hidden
      ? {
          type: 'mlp',
          hidden: head.hidden.size,
          activation: head.hidden.activation,
          background: head.background,
        }
      : { type: 'linear', background: head.background },
    decision,
    evaluation,
    files: Object.fromEntries(
      [...files].map(([name, data]) => [name, { sha256: sha256(data), bytes: data.length }]),
    ),
  };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
