import type { RequestLogReader, StoredMeter } from '../telemetry/index.js';

const covered: Readonly<Record<string, string>> = {
  board: 'the whole board',
  gpu: 'the GPU alone',
  package: 'the processor packages',
};

/** What the figures of a meter hold, and how they come about. */
export function meterLine({ kind, device, covers, total, sampleMs }: StoredMeter): string {
  const every = sampleMs === null ? '' : `, sampled every ${Number(sampleMs.toFixed(1))} ms`;
  const where = device === '' ? '' : ` of ${device}`;
  return `measured by ${kind}: ${covered[covers] ?? covers}${where} (${total})${every}`;
}

/** Why there are no energy figures, as the agent found when it was started last. */
export function whyUnmeasured(reader: RequestLogReader): string {
  const reason = reader.lastEvent('energy-not-measured');
  return reason ?? 'no agent with a meter has run, or its log is not kept for so long';
}
