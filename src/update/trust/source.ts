import { IntentdError } from '../../base/index.js';

/** Where a repository is read from. */
export interface Source {
  /**
   * @param path in the repository, as `checkedPath` lets it pass
   * @returns at most `maxBytes`; `undefined` where there is no such file
   * @throws IntentdError `too_large` where it is longer, `bad_file`, `unreachable`; or the signal's reason
   */
  read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
}

const part = /^[A-Za-z0-9][A-Za-z0-9._-]{0,191}$/;

/**
 * Refuses paths that could lead out of a repository or mean something to a shell, a URL or a file system.
 *
 * @throws IntentdError `bad_name`
 */
export function checkedPath(path: string): string {
  const parts = path.split('/');
  if (parts.length > 4 || !parts.every((one) => part.test(one))) {
    throw new IntentdError(
      'bad_name',
      `A repository names ${JSON.stringify(path.slice(0, 80))}, which is refused.`,
    );
  }
  return path;
}
