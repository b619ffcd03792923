import { digestOf } from './job.js';
import type { Failure, Job, RollbackWish, Step, Wish } from './state.js';

/** Steps that may take minutes or hours, and after which nothing has changed for those who ask. */
const long: readonly Step[] = ['fetch', 'build', 'stage', 'shadow'];

/**
 * Why a job is given up for a rollback that somebody asks for; `undefined` where the rollback waits for it. Who takes
 * a bundle back does not wait for the end of its probation, nor for a server, nor for what would take its place.
 */
export function givenUpFor(job: Job, { digest, family, version }: RollbackWish): Failure | undefined {
  if (job.wish.kind === 'rollback') return undefined;
  if (job.step === 'watch' && digestOf(job) === digest) {
    return { code: 'rolled_back', message: `${family} ${version} was rolled back by hand.` };
  }
  const isInTheWay = job.step === 'check' || (job.offer?.family === family && long.includes(job.step));
  if (!isInTheWay) return undefined;
  const message = `A rollback of ${family} ${version} was asked for meanwhile: try again after it.`;
  return { code: 'rolled_back', message };
}

/** The wishes that wait, with one more: a rollback goes before all that is no rollback. */
export function queued<T extends { readonly wish: Wish }>(waiting: readonly T[], one: T): T[] {
  if (one.wish.kind !== 'rollback') return [...waiting, one];
  const at = waiting.findIndex(({ wish }) => wish.kind !== 'rollback');
  return waiting.toSpliced(at === -1 ? waiting.length : at, 0, one);
}
