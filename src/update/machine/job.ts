import type { Offer } from '../ports.js';
import type { Ended, Failure, Installed, Job, Outcome, Wish } from './state.js';
import { phaseOf } from './table.js';

/** The job that a wish begins as. */
export function newJob(id: number, wish: Wish, nowMs: number): Job {
  return {
    id,
    wish,
    step: wish.kind === 'rollback' ? 'revert' : 'check',
    offer: null,
    replaces: null,
    headOnly: false,
    failures: 0,
    restarts: 0,
    waitUntilMs: null,
    cause: null,
    figures: [],
    startedMs: nowMs,
  };
}

/** A job that knows what it installs, and in place of what. */
export function chosen(job: Job, offer: Offer, installed: Installed): Job {
  return { ...job, offer, replaces: installed[offer.family] ?? null };
}

/** A rollback that somebody asked for is told to them at once where it fails. */
export function triesOf({ wish, step }: Job, tries = 1): number {
  return wish.kind === 'rollback' && step === 'revert' ? 1 : tries;
}

/** Of the bundle that a job is about. */
export function digestOf({ offer, wish }: Job): string | null {
  if (wish.kind === 'rollback') return wish.digest;
  return offer?.release.manifest ?? null;
}

/** Whether two wishes are for the same, whoever asked. */
export function isSame(a: Wish, b: Wish): boolean {
  return JSON.stringify({ ...a, by: '' }) === JSON.stringify({ ...b, by: '' });
}

/** What is told and remembered of a job that ends. */
export function endedOf(job: Job, outcome: Outcome, failure: Failure | null, endedMs: number): Ended {
  const { id, wish, offer, replaces, startedMs, figures, step, cause } = job;
  const named = wish.kind === 'check' ? null : wish;
  return {
    id,
    outcome,
    by: wish.by,
    kind: wish.kind,
    family: offer?.family ?? named?.family ?? null,
    version: offer?.release.version ?? named?.version ?? null,
    digest: digestOf(job),
    replaced: replaces?.version ?? null,
    startedMs,
    endedMs,
    phase: cause?.phase ?? phaseOf(step, undefined),
    failure: failure === null ? null : { code: failure.code, message: failure.message },
    figures,
  };
}
