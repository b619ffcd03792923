export { BusyPower } from './estimate.js';
export { Intervals, type Interval } from './intervals.js';
export { EnergyLedger, type BatchCost, type BatchWork, type EnergyTotals } from './ledger.js';
