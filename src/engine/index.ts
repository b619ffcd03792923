export type * from './engine.js';
export { EngineSlot, type SlotOptions } from './slot.js';
export { workerEnvironment } from './worker/environment.js';
export { isolation, type Isolation } from './worker/isolation.js';
export { WorkerProcess, workerGone, type WorkerOptions } from './worker/workerProcess.js';
export type { Multiplication } from './onnxruntime/multiplication.js';
export { openMultiplication, openOnnxRuntimeEngine } from './onnxruntime/open.js';
export type { OnnxRuntimeEngineOptions } from './onnxruntime/onnxRuntimeEngine.js';
export { weightFormHere } from './onnxruntime/weightForm.js';
