import { sha256 } from '../../base/index.js';
import type { BuildSettings } from '../builder/task.js';

/** Everything on which a serialized engine depends: another of any is another engine. */
export interface KeyParts {
  /** SHA-256 of the generated INT8 graph. */
  readonly onnx: string;
  /** SHA-256 of `encoder.safetensors`, by which people know it. */
  readonly encoder: string;
  readonly tensorrt: string;
  readonly driver: string;
  readonly gpu: string;
  readonly sm: number;
  /** SHA-256 of the plugin library; `null` where attention is TensorRT's own. */
  readonly plugin: string | null;
  readonly settings: BuildSettings;
}

/** The name of an engine's folder: the SHA-256 of the parts, 64 hex digits. */
export function engineKey(parts: KeyParts): string {
  return sha256(JSON.stringify(sorted(parts)));
}

/** With keys in one order, whoever made the object. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
