import { IntentdError, messageOf } from '../../base/index.js';
import { isDiskFull } from '../diskFull.js';
import { digestOf, type Installed, type Job, type MachineEvent, type Step } from '../machine/index.js';
import type { BundleShelf, FetchProgress, Offer, UpdateHost, UpdateSource } from '../ports.js';
import type { Downloads } from './downloads.js';

/** What the acts are done with. */
export interface Means {
  /** The configured source for `null`. @throws IntentdError `no_source` */
  readonly sourceFor: (from: string | null) => Promise<UpdateSource>;
  readonly host: UpdateHost;
  readonly shelf: BundleShelf;
  readonly downloads: Downloads;
}

export interface ActOptions {
  readonly signal: AbortSignal;
  /** How far a step is, in percent. */
  readonly onPercent: (percent: number) => void;
}

type StepEvent = Exclude<MachineEvent, { kind: 'wished' | 'resumed' }>;
type Perform = (job: Job, means: Means, options: ActOptions) => Promise<StepEvent>;

/** Does a step of a job; each may be done again after a crash. What fails is an event too. */
export async function perform(job: Job, means: Means, options: ActOptions): Promise<StepEvent> {
  try {
    return await steps[job.step](job, means, options);
  } catch (error) {
    return { kind: 'failed', code: codeOf(error), message: messageOf(error) };
  }
}

/** What serves each of the families. */
export function installedOf(families: readonly string[], { host }: Pick<Means, 'host'>): Installed {
  return Object.fromEntries(families.map((family) => [family, host.active(family)]));
}

const done: StepEvent = { kind: 'done' };

const steps: Readonly<Record<Step, Perform>> = {
  check: async ({ wish }, means, { signal }) => {
    const families = wish.kind === 'check' ? wish.families : [wish.family];
    const source = await means.sourceFor(fromOf(wish));
    const offers = await source.check(families, signal);
    return { kind: 'checked', offers, installed: installedOf(families, means) };
  },
  fetch: async (job, means, { signal, onPercent }) => {
    const offer = offerOf(job);
    const folder = await means.downloads.open(offer.release.manifest);
    const source = await means.sourceFor(fromOf(job.wish));
    await source.fetch(offer, {
      folder,
      owned: (sha256) => means.shelf.owned(sha256),
      signal,
      onProgress: (progress) => {
        onPercent(percentOf(progress));
      },
    });
    await means.downloads.sync(offer.release.manifest);
    return done;
  },
  adopt: async (job, { downloads, shelf, host }) => {
    const { manifest } = offerOf(job).release;
    await shelf.adopt(manifest, downloads.folderOf(manifest));
    return { kind: 'adopted', headOnly: await host.sharesEncoder(manifest) };
  },
  build: async (job, { host }, { signal, onPercent }) => {
    await host.build(offerOf(job).release.manifest, onPercent, signal);
    return done;
  },
  stage: async (job, { host }, { signal }) => ({
    kind: 'measured',
    figures: await host.stage(offerOf(job).release.manifest, signal),
  }),
  shadow: async (job, { host }, { signal }) => ({
    kind: 'measured',
    figures: await host.shadow(offerOf(job).release.manifest, signal),
  }),
  activate: async (job, { host }) => {
    const { family, release } = offerOf(job);
    await host.activate(family, release.manifest);
    return done;
  },
  watch: async (job, { host }, { signal }) => {
    const { family, release } = offerOf(job);
    return { kind: 'measured', figures: await host.probation(family, release.manifest, signal) };
  },
  settle: async (job, { host }) => {
    await host.settle(offerOf(job).family);
    return done;
  },
  collect: async (_, { downloads, shelf }) => {
    await downloads.keepOnly();
    await shelf.collect(new Set());
    return done;
  },
  revert: async (job, { host }) => {
    await host.rollback(familyOf(job), digestOf(job)!);
    return done;
  },
  discard: async (job, { host }) => {
    await host.discard(digestOf(job)!);
    return done;
  },
  sweep: async (job, { downloads, shelf }) => {
    // What came before the connection was lost, or something else came first, is gone on with at the next check.
    const isKept = job.cause !== null && ['unreachable', 'rolled_back'].includes(job.cause.code);
    await downloads.keepOnly(isKept ? (digestOf(job) ?? undefined) : undefined);
    await shelf.collect(new Set());
    return done;
  },
};

function offerOf({ offer }: Job): Offer {
  if (offer === null) throw new IntentdError('internal', 'An update without an offer cannot go on.');
  return offer;
}

function familyOf({ offer, wish }: Job): string {
  return wish.kind === 'rollback' ? wish.family : (offer?.family ?? '');
}

function fromOf(wish: Job['wish']): string | null {
  return wish.kind === 'rollback' ? null : wish.from;
}

function percentOf({ haveBytes, totalBytes }: FetchProgress): number {
  return totalBytes === 0 ? 0 : Math.min(100, Math.floor((haveBytes / totalBytes) * 100));
}

function codeOf(error: unknown): string {
  if (error instanceof IntentdError) return error.code;
  return isDiskFull(error) ? 'disk_full' : 'internal';
}
