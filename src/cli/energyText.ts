import type { EnergyFigures } from '../telemetry/index.js';
import { percent } from './format.js';

/** Where the meter's energy went in a time, in words; none where nothing was measured. */
export function energyText(energy: EnergyFigures | null): string[] {
  if (energy === null) return [];
  const { meterMj, attributedMj, idleMj, unmeasuredMs } = energy;
  const sum = attributedMj + idleMj;
  const share = sum > 0 ? ` (${percent(attributedMj / sum, 1)})` : '';
  const unmeasured = unmeasuredMs > 0 ? `; nothing is known of ${(unmeasuredMs / 1000).toFixed(1)} s` : '';
  return [
    `${joules(attributedMj)} went to batches${share}, ${joules(idleMj)} while none ran: together ` +
      `${joules(sum)}, and ${joules(meterMj)} by the meter${unmeasured}`,
  ];
}

function joules(millijoules: number): string {
  const value = millijoules / 1000;
  return `${value.toFixed(Math.abs(value) < 100 ? 2 : 0)} J`;
}
