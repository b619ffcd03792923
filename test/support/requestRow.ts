import { unmeasured, type RequestRow } from '../../src/telemetry/index.js';

/** A row of the request log as a test needs it. */
export function requestRow(overrides: Partial<RequestRow> = {}): RequestRow {
  return {
    time: Date.now(),
    requestId: 'r',
    dialect: 'native',
    model: 'tiny',
    version: '1.0.0',
    engine: 'onnxruntime',
    intent: 'greet',
    confidence: 0.9,
    outOfScope: false,
    tokens: 5,
    bucket: 16,
    batchSize: 1,
    queueUs: 10,
    tokenizeUs: 20,
    inferUs: 700,
    gpuUs: null,
    totalUs: 1000,
    ...unmeasured,
    error: null,
    text: null,
    ...overrides,
  };
}
