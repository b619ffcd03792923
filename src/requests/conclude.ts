import { IntentdError, refused, type Answer, type Logger, type Outcome } from '../base/index.js';
import { decide, type Decision } from '../decision/index.js';
import type { Inference } from '../engine/index.js';
import type { Pending } from './pending.js';

/**
 * What a request is answered with, from its row of what the engine gave for its batch.
 *
 * @param now reading of the monotonic clock
 * @param energyMj what it drew, estimated; `null` where nothing measures
 */
export function conclude(
  pending: Pending,
  inference: Inference,
  { row, now, energyMj, log }: { row: number; now: number; energyMj: number | null; log: Logger },
): Outcome {
  const { intentFilter, topK } = pending.utterance;
  const outputs = {
    logits: rowOf(inference.logits, row, pending.batchSize),
    embedding: rowOf(inference.embeddings, row, pending.batchSize),
  };
  try {
    const decision = decide(outputs, pending.model.rules, {
      ...(intentFilter === undefined ? {} : { intentFilter }),
      ...(topK === undefined ? {} : { topK }),
    });
    return { ok: true, answer: answerOf(pending, decision, now, energyMj) };
  } catch (error) {
    if (!(error instanceof IntentdError)) throw error;
    if (error.code === 'bad_request') return refused('bad_request', error.message);
    log.error({ reason: error.message }, 'the engine gave an output that cannot be used');
    return refused('unavailable', 'The engine gave an output that cannot be used.');
  }
}

function answerOf(pending: Pending, decision: Decision, now: number, energyMj: number | null): Answer {
  const trace = pending.trace(now);
  return {
    intent: decision.intent,
    confidence: rounded(decision.confidence, 6),
    outOfScope: decision.outOfScope,
    alternatives: decision.alternatives.map(({ intent, confidence }) => ({
      intent,
      confidence: rounded(confidence, 6),
    })),
    model: { id: pending.model.id, version: pending.model.version },
    latencyMs: {
      queue: rounded(trace.queueMs, 3),
      tokenize: rounded(trace.tokenizeMs, 3),
      infer: rounded(trace.inferMs, 3),
      total: rounded(trace.totalMs, 3),
    },
    energyMj: energyMj === null ? null : rounded(energyMj, 3),
    energyEstimated: energyMj !== null,
    truncated: pending.truncated,
  };
}

function rowOf(matrix: Float32Array, row: number, rows: number): Float32Array {
  const width = matrix.length / rows;
  return matrix.subarray(row * width, (row + 1) * width);
}

function rounded(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
