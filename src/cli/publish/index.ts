import type { Command } from 'commander';
import type { Io } from '../io.js';
import { addAdd } from './add.js';
import { addExpire } from './expire.js';
import { addInit } from './init.js';
import { addPromote } from './promote.js';
import { addRotate } from './rotate.js';

/** `intentd publish …`: each command is a file here. */
export function addPublishCommands(program: Command, io: Io): void {
  const publish = program.command('publish').summary('publish signed bundles for a fleet');
  publish.description('Make and maintain a repository of signed bundles for a fleet (docs/updates.md).');
  addInit(publish, io);
  addAdd(publish, io);
  addPromote(publish, io);
  addRotate(publish, io);
  addExpire(publish, io);
}
