import type { GateFigure } from '../../update/index.js';
import type { ComparedEnergy } from './energyTurns.js';

/** The outcome of the energy gate: refused only what is beyond the bound by more than the meter's noise. */
export function energyFigure(compared: ComparedEnergy, bound: number): GateFigure {
  const { least, most, ratio, servingMj, standing, trialMj, turns } = compared;
  const open = {
    within: '',
    beyond: '',
    noise: ' The meter does not tell these apart in as many turns: not held against it.',
    requests: ' Real requests ran beside, and the meter sees both: not held against it.',
  }[standing];
  const times = `${ratio.toFixed(2)} times as much, ${least.toFixed(2)} to ${most.toFixed(2)} by ${turns} turns`;
  const detail = `An utterance draws ${trialMj.toFixed(2)} mJ, and ${servingMj.toFixed(2)} mJ with what serves (${times}); at most ${bound} times as much is allowed.${open}`;
  return { gate: 'energy', measured: ratio, bound, passed: standing !== 'beyond', detail };
}
