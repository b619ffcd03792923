import type { Command } from 'commander';
import type { Io } from '../io.js';
import { addStatus } from './status.js';

/** `intentd engine …`: each command is a file here. */
export function addEngineCommands(program: Command, io: Io): void {
  const engine = program.command('engine').summary('look at the engines of a running agent');
  engine.description('Look at the engines of a running agent, through its control channel.');
  addStatus(engine, io);
}
