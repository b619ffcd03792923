export { compress, type Compression } from './compress.js';
export { applyHead, pool } from './forward.js';
export { plainMultiply, productToOnnx, type Multiply } from './multiply.js';
export { observe, type Observation, type ObservedRows } from './observe.js';
export { layRows, rowsOf, type TokenRows } from './tokenRows.js';
