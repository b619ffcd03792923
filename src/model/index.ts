export * from './bundle/index.js';
export * from './encoder.js';
export * from './sparsity/index.js';
export * from './tokenizer/index.js';
export * from './graph/index.js';
