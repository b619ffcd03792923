import { IntentdError } from '../../base/index.js';
import { type Encoder, type Head, linearNames } from '../encoder.js';
import { decodeEncoder } from './encoderFile.js';
import { type GoldenUtterance, parseGolden } from './golden.js';
import { decodeHead } from './headFile.js';
import { parseLabels } from './labels.js';
import { bundleFiles, type Manifest, manifestFile } from './manifest.js';
import { Safetensors } from './safetensors.js';
import { sparseShare } from './sparseShare.js';
import { parseTokenizer, type TokenizerJson } from './tokenizerVocabulary.js';

/** What the files of a bundle hold. */
export interface BundleContents {
  readonly encoder: Encoder;
  readonly head: Head;
  readonly labels: readonly string[];
  readonly tokenizerJson: TokenizerJson;
  readonly golden: readonly GoldenUtterance[];
}

/** The bytes of the five files of the format. */
export type BundleBytes = Readonly<Record<keyof typeof bundleFiles, Uint8Array<ArrayBuffer>>>;

/** `achieved` is written with few digits by hand or with many by a program. */
const shareTolerance = 1e-4;

/**
 * Decodes the files of a bundle, whose digests were checked before, and holds them against the
 * manifest and each other.
 *
 * @throws IntentdError `bad_bundle`, `bad_safetensors`, `bad_packing` or `bad_json`
 */
export function decodeContents(manifest: Manifest, bytes: BundleBytes): BundleContents {
  const { architecture, attention, sparsity, head: headPlan } = manifest;
  checkManifest(manifest);
  const labels = parseLabels(bytes.labels, bundleFiles.labels);
  const tokenizerJson = parseTokenizer(bytes.tokenizer, architecture.vocabulary, bundleFiles.tokenizer);
  const golden = parseGolden(bytes.golden, labels, bundleFiles.golden);
  const encoder = decodeEncoder(new Safetensors(bytes.encoder, bundleFiles.encoder), {
    architecture,
    attention,
    sparseLayers: sparsity.layers,
  });
  const head = decodeHead(new Safetensors(bytes.head, bundleFiles.head), {
    head: headPlan,
    intents: labels.length,
    hidden: architecture.hidden,
    encoder: manifest.files[bundleFiles.encoder]!.sha256,
  });
  if (manifest.decision.outOfScope.score === 'centroid' && !head.centroids) {
    throw bad(
      bundleFiles.head,
      `lacks the tensor "centroids", which decision.outOfScope.score "centroid" needs`,
    );
  }
  return { encoder, head, labels, tokenizerJson, golden };
}

/** What the fields of a manifest demand of each other, beyond the schema. */
function checkManifest({ architecture, sparsity, decision, head }: Manifest): void {
  const stranger = sparsity.layers.find((name) => Number(name.split('.')[1]) >= architecture.layers);
  if (stranger !== undefined) {
    throw bad(
      manifestFile,
      `sparsity.layers names ${stranger}, and the encoder has ${architecture.layers} layers`,
    );
  }
  const share = sparseShare(architecture, sparsity.layers);
  if (Math.abs(share - sparsity.achieved) > shareTolerance) {
    throw bad(
      manifestFile,
      `sparsity.achieved is ${sparsity.achieved}, and the layers of sparsity.layers leave out ${share.toFixed(6)} of the ${linearNames.length * architecture.layers} linear layers' weights`,
    );
  }
  if (decision.outOfScope.score === 'background' && head.background === 0) {
    throw bad(manifestFile, `decision.outOfScope.score "background" needs head.background of at least 1`);
  }
}

function bad(file: string, fault: string): IntentdError {
  return new IntentdError('bad_bundle', `${file}: ${fault}.`);
}
