import type { Command } from 'commander';
import type { Io } from '../io.js';
import { addCheck } from './check.js';
import { addHistory } from './history.js';
import { addInstall } from './install.js';
import { addRollback } from './rollback.js';
import { addStatus } from './status.js';

/** `intentd update …`: each command is a file here. */
export function addUpdateCommands(program: Command, io: Io): void {
  const update = program.command('update').summary('look for signed bundles, install them, go back');
  update.description(
    'Look for signed bundles of a repository, install them in a running agent, and go back to the one before.',
  );
  addStatus(update, io);
  addCheck(update, io);
  addInstall(update, io);
  addRollback(update, io);
  addHistory(update, io);
}
