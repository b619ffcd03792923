export * from './encoder.js';
export * from './sparsity/index.js';
