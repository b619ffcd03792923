import type { Command } from 'commander';
import type { Io } from '../io.js';
import { addChanges } from './changes.js';
import { addCompile } from './compile.js';
import { addEvaluate } from './evaluate.js';
import { addImport } from './import.js';
import { addList } from './list.js';
import { addPlan } from './plan.js';
import { addShow } from './show.js';
import { addVerify } from './verify.js';

/** `intentd model …`: each command is a file here. */
export function addModelCommands(program: Command, io: Io): void {
  const model = program.command('model').summary('look at, make, measure and serve model bundles');
  model.description('Look at, check, make, measure and serve model bundles (docs/bundle-format.md).');
  addShow(model, io);
  addVerify(model, io);
  addPlan(model, io);
  addImport(model, io);
  addCompile(model, io);
  addEvaluate(model, io);
  addList(model, io);
  addChanges(model, io);
}
