import { type BundleParts, type Head, type Manifest, writeBundle } from '../../src/model/index.js';
import { seeded } from './random.js';
import { normals, tinyEncoder, type TinyEncoderOptions } from './tinyEncoder.js';
import { tinyTokenizerJson } from './tinyTokenizerJson.js';

export { tinyEncoder, type TinyEncoderOptions } from './tinyEncoder.js';
export { tinyPieces, tinyTokenizerJson } from './tinyTokenizerJson.js';

export const tinyIntents: readonly string[] = ['play_music', 'weather', 'lights_on', 'balance'];

export interface TinyBundleOptions {
  /** 1 if absent. */
  readonly seed?: number;
  /** The bundle's is always INT8; all but query and key are packed if `sparse` is absent. */
  readonly encoder?: Omit<TinyEncoderOptions, 'kind'>;
  /** Hidden size of the head, 16 if absent; 0 makes it linear. */
  readonly headHidden?: number;
  /** Whatever else the bundle shall say. */
  readonly parts?: Partial<BundleParts>;
}

/** What `writeTinyBundle` writes: random weights, so its answers mean nothing. */
export function tinyParts(options: TinyBundleOptions = {}): BundleParts {
  const seed = options.seed ?? 1;
  const encoder = tinyEncoder(seed, { sparse: true, ...options.encoder, kind: 'int8' });
  const labels = options.parts?.labels ?? tinyIntents;
  return {
    id: 'tiny',
    version: '1.0.0',
    minAgent: '0.1.0',
    encoder,
    head: tinyHead(seed + 1, encoder.architecture.hidden, labels.length, options.headHidden ?? 16),
    labels,
    tokenizerJson: tinyTokenizerJson(),
    golden: [
      { text: 'play my music', intent: labels[0]! },
      { text: 'what is the weather today?', intent: labels[1] ?? null },
      { text: 'xyzzy', intent: null },
    ],
    sparsityTarget: 0.4,
    quantizationMethod: 'ptq',
    decision: {
      temperature: 1,
      outOfScope: { score: 'background', threshold: 0 },
      ambiguityMargin: 0.1,
    },
    evaluation: { note: 'random weights' },
    ...options.parts,
  };
}

/** Writes a whole bundle of a random BERT into a folder that does not exist yet. */
export async function writeTinyBundle(folder: string, options: TinyBundleOptions = {}): Promise<Manifest> {
  return writeBundle(folder, tinyParts(options));
}

/** A random head with one background row; `size` 0 is linear. */
export function tinyHead(seed: number, hidden: number, intents: number, size = 16): Omit<Head, 'encoder'> {
  const random = seeded(seed);
  const background = 1;
  const inputs = size === 0 ? hidden : size;
  return {
    ...(size > 0 && {
      hidden: {
        weight: normals(random, size * hidden, 1),
        bias: normals(random, size, 0.1),
        size,
        activation: 'gelu',
      },
    }),
    output: {
      weight: normals(random, (intents + background) * inputs, 1),
      bias: normals(random, intents + background, 0.1),
    },
    intents,
    background,
    centroids: unitRows(normals(random, intents * hidden, 1), hidden),
  };
}

function unitRows(data: Float32Array, columns: number): Float32Array {
  return data.map((value, at) => {
    const start = at - (at % columns);
    return value / Math.hypot(...data.subarray(start, start + columns));
  });
}
