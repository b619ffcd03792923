import type { Answer } from '../../base/index.js';
import { outOfScopeEvent } from './entities.js';

/** An answer as the event that Home Assistant makes of it, JSON; what was said is not in it. */
export function intentEvent({ intent, confidence, model, latencyMs, energyMj }: Answer): string {
  return JSON.stringify({
    event_type: intent ?? outOfScopeEvent,
    confidence,
    model: `${model.id} ${model.version}`,
    latencyMs: latencyMs.total,
    energyMj,
  });
}
