export type { BundleContents } from './contents.js';
export { encodeEncoder } from './encoderWriter.js';
export { type GoldenUtterance, parseGolden } from './golden.js';
export { bfloat16ToFloat32, float16ToFloat32, float32ToFloat16 } from './halfFloat.js';
export { decodeHead, encodeHead, type HeadPrecision } from './headFile.js';
export { type HeadManifest, headManifestFile, parseHeadManifest } from './headManifest.js';
export { checkLabels, parseLabels } from './labels.js';
export {
  bundleFiles,
  type Manifest,
  manifestFile,
  manifestJsonSchema,
  manifestSchema,
  maxManifestBytes,
  parseManifest,
  readManifest,
} from './manifest.js';
export { type Packed, pack, unpack } from './packing.js';
export { type Bundle, readBundle } from './readBundle.js';
export { readSafetensorsFile, Safetensors } from './safetensors.js';
export type { Dtype, TensorInfo } from './safetensorsHeader.js';
export { encodeSafetensors, type Tensor } from './safetensorsWriter.js';
export { sparseLayersOf, sparseShare } from './sparseShare.js';
export { checkedTokenizer, parseTokenizer, type TokenizerJson } from './tokenizerVocabulary.js';
export { type BundleParts, writeBundle } from './writeBundle.js';
