import type { Command } from 'commander';
import type { Io } from '../io.js';
import { addBenchDaemon } from './daemon.js';
import { addBenchEnergy } from './energy/index.js';

/** `intentd bench …` */
export function addBench(program: Command, io: Io): void {
  const bench = program.command('bench').summary('measure this machine').description('Measure this machine.');
  addBenchDaemon(bench, io);
  addBenchEnergy(bench, io);
}
