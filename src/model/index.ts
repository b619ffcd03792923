export * from './bundle/index.js';
export * from './encoder.js';
export * from './sparsity/index.js';
export * from './tokenizer/index.js';
export * from './graph/index.js';
export {
  openHuggingFace,
  readHuggingFace,
  readLabelsFile,
  type HuggingFaceModel,
} from './checkpoint/index.js';
export { productToOnnx, type Multiply } from './posttraining/index.js';
export * from './import/index.js';
