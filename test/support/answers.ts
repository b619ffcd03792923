import type { Answer } from '../../src/base/index.js';

/** An answer as a test needs it. */
export function answerOf(overrides: Partial<Answer> = {}): Answer {
  return {
    intent: 'transfer',
    confidence: 0.98,
    outOfScope: false,
    alternatives: [{ intent: 'pay_bill', confidence: 0.01 }],
    model: { id: 'tiny', version: '1.0.0' },
    latencyMs: { queue: 0.1, tokenize: 0.1, infer: 1.2, total: 1.6 },
    energyMj: null,
    energyEstimated: false,
    truncated: false,
    ...overrides,
  };
}
