export * from './format/index.js';
export * from './publisher/index.js';
export * from './trust/index.js';
export * from './transfer/index.js';
export * from './ports.js';
