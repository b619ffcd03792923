import { compareVersions } from '../format/semanticVersion.js';
import type { Offer } from '../ports.js';
import type { Available, Failure, InstallWish, Installed, Mark } from './state.js';

export type Choice = { readonly offer: Offer } | { readonly current: string } | { readonly refused: Failure };

/** What a wish to install comes to, with what is offered, what serves, and what failed before. */
export function chooseFor(
  wish: Pick<InstallWish, 'family' | 'version' | 'downgrade' | 'force'>,
  offers: readonly Offer[],
  installed: Installed,
  marks: readonly Mark[],
): Choice {
  const { family, version } = wish;
  const ofFamily = newestFirst(offers.filter((offer) => offer.family === family));
  const wanted = version === null ? ofFamily : ofFamily.filter((offer) => offer.release.version === version);
  const offer = wanted.find(({ refusal }) => refusal === undefined) ?? wanted[0];
  if (offer === undefined) return { refused: notOffered(family, version) };
  if (offer.refusal !== undefined) return { refused: failure('refused', `${offer.refusal}.`) };
  const serving = installed[family];
  const { manifest, version: found } = offer.release;
  if (serving?.digest === manifest) return { current: found };
  const order = serving === undefined ? 1 : compareVersions(found, serving.version);
  if (order <= 0 && !wish.downgrade) {
    if (version === null) return { current: serving!.version };
    return {
      refused: failure(
        'downgrade',
        `${family} ${found} is not newer than ${serving!.version}, which serves: only intentd update install --downgrade takes it.`,
      ),
    };
  }
  const mark = marks.find(({ digest, quarantined }) => digest === manifest && quarantined);
  if (mark !== undefined && !wish.force) {
    return {
      refused: failure(
        'quarantined',
        `${family} ${found} is not taken again: ${mark.reason} intentd update install --force tries it all the same.`,
      ),
    };
  }
  return { offer };
}

/** The newest release of each family that is offered, if only to others. */
export function availableOf(offers: readonly Offer[]): Available[] {
  const families = [...new Set(offers.map(({ family }) => family))];
  return families.map((family) => {
    const all = newestFirst(offers.filter((offer) => offer.family === family));
    const { release, refusal } = all.find((offer) => offer.refusal === undefined) ?? all[0]!;
    return { family, version: release.version, refusal: refusal ?? null };
  });
}

function newestFirst(offers: readonly Offer[]): Offer[] {
  return [...offers].sort((a, b) => compareVersions(b.release.version, a.release.version));
}

function notOffered(family: string, version: string | null): Failure {
  const what = version === null ? family : `${family} ${version}`;
  return failure('not_offered', `${what} is not in the channel that this device follows.`);
}

function failure(code: string, message: string): Failure {
  return { code, message };
}
