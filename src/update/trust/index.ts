export { FolderSource, checkedPath, type Source } from './source.js';
export { TrustedMetadata, type TrustOptions, type TrustedTarget } from './trustedMetadata.js';
