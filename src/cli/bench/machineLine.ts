import { availableParallelism, cpus, hostname, loadavg } from 'node:os';
import { agentVersion } from '../version.js';

/** Where and when something was measured. */
export interface Measured {
  readonly machine: string;
  readonly processor: string;
  readonly cores: number;
  /** Mean load of the last minute before measuring: above zero, others had a share of the machine. */
  readonly loadBefore: number;
  readonly node: string;
  readonly intentd: string;
  readonly date: string;
}

/** To be taken before measuring: the measurement itself is load. */
export function measuredHere(): Measured {
  return {
    machine: hostname(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    node: process.versions.node,
    intentd: agentVersion(),
    date: new Date().toISOString(),
  };
}
