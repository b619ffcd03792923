import { IntentdError } from '../base/index.js';

/** Whether writing failed because the disk, or this user's part of it, is full. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}

/** @param what could not be written */
export function diskFull(what: string, cause: unknown): IntentdError {
  return new IntentdError(
    'disk_full',
    `There is no room for ${what}: make room on its disk, then try again.`,
    {
      cause,
    },
  );
}
