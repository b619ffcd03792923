export * from './channel.js';
export * from './metadata.js';
export * from './paths.js';
export * from './semanticVersion.js';
