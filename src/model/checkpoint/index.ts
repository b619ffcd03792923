export {
  denseAttention,
  openHuggingFace,
  readHuggingFace,
  type Checkpoint,
  type HuggingFaceModel,
} from './checkpoint.js';
export { readInput } from './inputFile.js';
export { readLabelsFile } from './labelsFile.js';
export type { Embeddings } from './weights.js';
