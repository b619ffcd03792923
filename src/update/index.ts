export * from './format/index.js';
export * from './journal/index.js';
export * from './machine/index.js';
export * from './ports.js';
export * from './publisher/index.js';
export * from './runner/index.js';
export * from './transfer/index.js';
export * from './trust/index.js';
