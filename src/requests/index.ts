export { bucketOf, sequenceBuckets } from './buckets.js';
export type { BatchObserver, ObservedBatch } from './batchObserver.js';
export { FairQueue, type Offer, type Waiting } from './fairQueue.js';
export type { ServedModel, ServedModels } from './model.js';
export { Pace } from './pace.js';
export type { Done, Trace } from './pending.js';
export { Requests, type RequestsOptions } from './requests.js';
export { Deliveries, type DeliveriesOptions, type Publish, type Standing } from './deliveries.js';
export { DeliveryStore, type AnswerMessage, type Delivery } from './deliveryStore.js';
