export * from './atomicFile.js';
export * from './clock.js';
export * from './digest.js';
export * from './errors.js';
export * from './json.js';
export * from './log.js';
export * from './regularFile.js';
export * from './explainZod.js';
