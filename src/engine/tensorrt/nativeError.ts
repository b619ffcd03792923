import { IntentdError, messageOf } from '../../base/index.js';
import { nativeCode } from './addon.js';

/**
 * An error of the addon's as one of ours: its code in small letters, `cuda` for `CUDA`. Any other comes back
 * as it is.
 */
export function ownError(error: unknown): unknown {
  const code = nativeCode(error);
  return code === undefined
    ? error
    : new IntentdError(code.toLowerCase(), messageOf(error), { cause: error });
}

/** Awaits something of the addon's. @throws IntentdError */
export async function asOwn<T>(work: Promise<T> | (() => T | Promise<T>)): Promise<T> {
  try {
    return await (typeof work === 'function' ? work() : work);
  } catch (error) {
    throw ownError(error);
  }
}

/** Codes after which a process has lost its GPU for good: only its end frees what it held. */
export function isLostGpu(error: unknown): boolean {
  return error instanceof IntentdError && (error.code === 'cuda' || error.code === 'out_of_memory');
}
