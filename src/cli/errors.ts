import { CommanderError } from 'commander';
import { IntentdError, messageOf } from '../base/index.js';
import type { Io } from './io.js';

/** What a command's exit status says. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** The code of errors that mean the command was called wrongly. */
export const usageCode = 'usage';

/**
 * Says on standard error, in one line with the code, what went wrong, and returns the exit status.
 * `debug` adds where a program error came from.
 */
export function report(error: unknown, io: Pick<Io, 'note' | 'status'>, debug: boolean): number {
  io.status('');
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof IntentdError) {
    io.note(`intentd: ${error.message} [${error.code}]`);
    if (debug && error.stack !== undefined) io.note(error.stack);
    return error.code === usageCode ? exitCodes.usage : exitCodes.failed;
  }
  const stack = debug && error instanceof Error ? error.stack : undefined;
  io.note(
    `intentd: ${messageOf(error)} [internal]${stack === undefined ? ' (INTENTD_DEBUG=1 says where)' : ''}`,
  );
  if (stack !== undefined) io.note(stack);
  return exitCodes.failed;
}
