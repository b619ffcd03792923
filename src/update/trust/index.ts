export { checkedPath, type Source } from './source.js';
export {
  TrustedMetadata,
  type FindTarget,
  type TrustOptions,
  type TrustedTarget,
} from './trustedMetadata.js';
