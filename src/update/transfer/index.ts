export { openConfiguredSource, updateFolder, type ConfiguredSourceOptions } from './configuredSource.js';
export { deviceKind } from './deviceKind.js';
export { FolderTransport } from './folderTransport.js';
export type { StoredFile, TakePiece, Transport } from './transport.js';
export { openUpdateSource, type SourceLimits, type UpdateSourceOptions } from './updateSource.js';
