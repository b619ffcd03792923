import { join } from 'node:path';
import { z } from 'zod';
import { parseJson, parseWith, readHashedFile } from '../../base/index.js';
import { linearNames } from '../encoder.js';

/** A manifest longer than this is refused unread. */
export const maxManifestBytes = 1 << 20;
/** Any other file of a bundle longer than this is refused unread. */
export const maxFileBytes = 1 << 30;

export const manifestFile = 'manifest.json';
/** The files of every bundle besides its manifest, by what they hold. */
export const bundleFiles = {
  encoder: 'encoder.safetensors',
  head: 'head.safetensors',
  labels: 'labels.json',
  tokenizer: 'tokenizer.json',
  golden: 'golden.jsonl',
} as const;

const whole = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);
const semanticVersion = z
  .string()
  .max(64)
  .regex(
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/,
    'a semantic version such as 1.0.0',
  );
const plainName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'a plain file name of letters, digits, ".", "_" and "-"');
const headActivation = z.enum(['gelu', 'tanh', 'relu']);
const background = whole(0, 1024).describe('Output rows behind the intents that stand for "none of them".');

const architectureSchema = z
  .strictObject({
    type: z.literal('bert'),
    layers: whole(1, 64),
    hidden: whole(8, 8192).multipleOf(8),
    heads: whole(1, 128),
    feedForward: whole(8, 32768).multipleOf(8),
    vocabulary: whole(1, 1_000_000),
    positions: whole(2, 8192),
    tokenTypes: whole(1, 16),
    activation: z.enum(['gelu', 'gelu_new', 'relu']),
    layerNormEpsilon: z.number().positive().max(0.1),
    pooling: z.enum(['mean', 'cls']),
    normalize: z.boolean(),
  })
  .refine(({ hidden, heads }) => hidden % heads === 0, {
    path: ['hidden'],
    error: 'must be a multiple of architecture.heads',
  })
  .describe('What the encoder computes; hidden is a multiple of heads.');

const sparsitySchema = z.strictObject({
  pattern: z.literal('2:4'),
  target: z.number().min(0).max(0.5),
  achieved: z
    .number()
    .min(0)
    .max(0.5)
    .describe('Weights that packing leaves out, as a share of all linear weights of the encoder.'),
  layers: z
    .array(
      z
        .string()
        .regex(
          new RegExp(`^layer\\.(0|[1-9]\\d?)\\.(${linearNames.join('|').replaceAll('.', '\\.')})$`),
          'a linear layer such as layer.0.intermediate',
        ),
    )
    .refine((layers) => new Set(layers).size === layers.length, { error: 'must name each layer once' })
    .describe('The packed linear layers, each once.'),
});

const headSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('linear'), background }),
  z.strictObject({
    type: z.literal('mlp'),
    hidden: whole(1, 8192),
    activation: headActivation,
    background,
  }),
]);

const decisionSchema = z.strictObject({
  temperature: z.number().positive().max(1000),
  outOfScope: z.strictObject({
    score: z.enum(['maxProbability', 'maxLogit', 'energy', 'background', 'centroid']),
    threshold: z.number(),
  }),
  ambiguityMargin: z.number().min(0).max(1),
});

const filesSchema = z
  .record(
    plainName,
    z.strictObject({
      sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits'),
      bytes: whole(0, maxFileBytes),
    }),
  )
  .refine((files) => Object.values(bundleFiles).every((name) => Object.hasOwn(files, name)), {
    error: `must name ${Object.values(bundleFiles).join(', ')}`,
  })
  .refine((files) => !Object.hasOwn(files, manifestFile), { error: 'must not name manifest.json itself' })
  .refine((files) => Object.keys(files).length <= 32, { error: 'must name at most 32 files' })
  .meta({
    description: 'Every file of the bundle but manifest.json; the five of the format are required.',
    required: Object.values(bundleFiles),
    maxProperties: 32,
  });

/** What `manifest.json` must look like; see docs/bundle-format.md. */
export const manifestSchema = z.strictObject({
  format: z.literal(1),
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'up to 64 of a-z, 0-9, ".", "_", "-", beginning with a-z or 0-9'),
  version: semanticVersion,
  minAgent: semanticVersion,
  architecture: architectureSchema,
  attention: z.strictObject({ windowEachSide: whole(-1, 8192), globalTokens: whole(0, 8192) }),
  sparsity: sparsitySchema,
  quantization: z.strictObject({
    weights: z.literal('int8'),
    activations: z.literal('int8'),
    method: z.enum(['qat', 'ptq']),
  }),
  head: headSchema,
  decision: decisionSchema,
  evaluation: z.record(z.string(), z.json()),
  files: filesSchema,
});

export type Manifest = z.infer<typeof manifestSchema>;

/**
 * Reads the bytes of a manifest.
 *
 * @throws IntentdError `bad_json` or `bad_bundle`, one sentence about the first thing that is wrong
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  return parseWith(manifestSchema, parseJson(bytes, { name: manifestFile }), manifestFile, 'bad_bundle');
}

/**
 * Reads the manifest of a bundle's folder, and no other file of it.
 *
 * @returns it with the SHA-256 of its bytes, by which the bundle is known
 * @throws IntentdError `bad_file`, and as {@link parseManifest}
 */
export async function readManifest(folder: string): Promise<{ manifest: Manifest; digest: string }> {
  const name = join(folder, manifestFile);
  const { bytes, sha256 } = await readHashedFile(name, { maxBytes: maxManifestBytes, name });
  return { manifest: parseManifest(bytes), digest: sha256 };
}

/** The JSON Schema of `manifest.json`, as committed in `manifest.schema.json`. */
export function manifestJsonSchema(): string {
  const schema = z.toJSONSchema(manifestSchema, { target: 'draft-2020-12', io: 'input' });
  return `${JSON.stringify({ title: 'intentd model bundle manifest, format 1', ...schema }, null, 2)}\n`;
}
