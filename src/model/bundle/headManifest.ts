import { z } from 'zod';
import { parseJson, parseWith } from '../../base/index.js';
import { bundleFiles, manifestSchema } from './manifest.js';

/** What makes a folder a head alone, in place of a bundle's `manifest.json`. */
export const headManifestFile = 'head.json';

const { id, version, head, decision, evaluation } = manifestSchema.shape;
const listed = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits'),
  bytes: z
    .int()
    .min(0)
    .max(1 << 30),
});

const headManifestSchema = z.strictObject({
  format: z.literal(1),
  id,
  version,
  /** SHA-256 of the `encoder.safetensors` that the head was fitted on. */
  encoder: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits'),
  head,
  decision,
  evaluation: evaluation.default({}),
  files: z.strictObject({
    [bundleFiles.head]: listed,
    [bundleFiles.labels]: listed,
    [bundleFiles.golden]: listed.optional(),
  }),
});

/** What `head.json` says: see docs/bundle-format.md. */
export type HeadManifest = z.infer<typeof headManifestSchema>;

/** @throws IntentdError `bad_json` or `bad_bundle`, one sentence about the first thing that is wrong */
export function parseHeadManifest(bytes: Uint8Array): HeadManifest {
  const json = parseJson(bytes, { name: headManifestFile });
  return parseWith(headManifestSchema, json, headManifestFile, 'bad_bundle');
}
