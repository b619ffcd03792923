export type * from './engine.js';
export { EngineSlot, type SlotOptions } from './slot.js';
export { isolation, type Isolation } from './worker/isolation.js';
export { WorkerProcess, workerGone, type WorkerOptions } from './worker/workerProcess.js';
