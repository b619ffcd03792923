export {
  defaultLifetimes,
  openContext,
  readTrustedRoot,
  type Lifetimes,
  type PublisherContext,
  type PublisherOptions,
} from './context.js';
export { expire, type Expiry } from './expire.js';
export { initRepository, type InitOptions, type KeyCount } from './initRepository.js';
export type { KeyFolder } from './keyring.js';
export type { Channels, Rollout } from './channels.js';
export { addRelease, previewPromotion, promote } from './releases.js';
export { outlookOf, parseDevices, type DeviceOutlook } from './rolloutPlan.js';
export { rotate } from './rotate.js';
