import type { Command } from 'commander';
import type { Io } from '../io.js';
import { addBench } from './bench.js';
import { addBuild } from './build.js';
import { addReport } from './report.js';
import { addStatus } from './status.js';
import { addVerify } from './verify.js';

/** `intentd engine …`: each command is a file here. */
export function addEngineCommands(program: Command, io: Io): void {
  const engine = program.command('engine').summary('look at engines, build and check them');
  engine.description('Look at the engines of a running agent, and build and check those of TensorRT.');
  addStatus(engine, io);
  addBuild(engine, io);
  addReport(engine, io);
  addVerify(engine, io);
  addBench(engine, io);
}
