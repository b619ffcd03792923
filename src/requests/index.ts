export { bucketOf, sequenceBuckets } from './buckets.js';
export { FairQueue, type Offer, type Waiting } from './fairQueue.js';
export type { ServedModel, ServedModels } from './model.js';
export { Pace } from './pace.js';
export type { Done, Trace } from './pending.js';
export { Requests, type RequestsOptions } from './requests.js';
