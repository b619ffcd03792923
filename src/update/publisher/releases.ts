import { join } from 'node:path';
import { IntentdError, readHashedFile, writeFileAtomic } from '../../base/index.js';
import { manifestFile, parseManifest, readBundle, type Manifest } from '../../model/index.js';
import {
  channelTarget,
  familyPatterns,
  familyRole,
  fileTarget,
  storedPath,
  type FileInfo,
  type Release,
} from '../format/index.js';
import { findRelease, offer, readChannels, type Channels, type Rollout } from './channels.js';
import { commit, type Changes, type TargetsContent } from './commit.js';
import { readLifetimes, readTrustedRoot, type PublisherContext } from './context.js';
import { createRoleKeys } from './initRepository.js';
import { infoOf, type RepositoryState } from './repository.js';
import { storeFile } from './storeFile.js';

const maxManifestBytes = 1 << 20;

/**
 * Puts a bundle into the repository and offers it in a channel; the family is the bundle's id.
 *
 * @throws IntentdError `bad_bundle`, `exists` where the version is there with other content, `missing_key`
 */
export async function addRelease(
  context: PublisherContext,
  folder: string,
  rollout: Rollout,
): Promise<Release & { readonly family: string }> {
  const { manifest, digest } = await readBundle(folder);
  const { id: family, version, minAgent } = manifest;
  return context.repository.exclusively(async () => {
    const state = await context.repository.read(await readTrustedRoot(context));
    const channels = await readChannels(context, state, family);
    const present = findRelease(channels, version);
    if (present !== undefined && present.manifest !== digest) {
      throw new IntentdError(
        'exists',
        `${family} ${version} is published with another content; give the bundle a new version.`,
      );
    }
    const listed = { ...manifest.files, [manifestFile]: { sha256: digest, bytes: 0 } };
    for (const [name, file] of Object.entries(listed)) {
      const stored = storedPath(fileTarget(family, file.sha256), file.sha256);
      await storeFile(context.repository, join(folder, name), stored, file.sha256);
    }
    const release = { version, manifest: digest, minAgent, share: rollout.share };
    await publish(context, state, family, offer(channels, family, release, rollout));
    return { family, ...release };
  });
}

/**
 * Offers a published version in a channel, to a share of the devices; with share 0 no longer.
 *
 * @throws IntentdError `unknown_release`, `missing_key`
 */
export async function promote(
  context: PublisherContext,
  family: string,
  version: string,
  rollout: Rollout,
): Promise<void> {
  await context.repository.exclusively(async () => {
    const { state, channels } = await planned(context, family, version, rollout);
    await publish(context, state, family, channels);
  });
}

/** What the channels of a family would offer after `promote`, and what they offer now. */
export async function previewPromotion(
  context: PublisherContext,
  family: string,
  version: string,
  rollout: Rollout,
): Promise<{ before: Channels; after: Channels }> {
  const { before, channels } = await planned(context, family, version, rollout);
  return { before, after: channels };
}

async function planned(context: PublisherContext, family: string, version: string, rollout: Rollout) {
  const state = await context.repository.read(await readTrustedRoot(context));
  const before = await readChannels(context, state, family);
  const release = findRelease(before, version);
  if (release === undefined) {
    const known = [
      ...new Set([...before.values()].flatMap(({ releases }) => releases.map((one) => one.version))),
    ];
    throw new IntentdError(
      'unknown_release',
      known.length === 0
        ? `Nothing of ${family} is published yet: intentd publish add.`
        : `No channel offers ${family} ${version}, but ${known.join(', ')}: intentd publish add offers it (again).`,
    );
  }
  return { state, before, channels: offer(before, family, release, rollout) };
}

async function publish(
  context: PublisherContext,
  state: RepositoryState,
  family: string,
  channels: Channels,
): Promise<void> {
  const targets: Record<string, FileInfo> = {};
  for (const [name, channel] of channels) {
    const bytes = Buffer.from(`${JSON.stringify(channel, null, 1)}\n`);
    const info = infoOf(bytes);
    const target = channelTarget(family, name);
    await writeFileAtomic(await context.repository.placeFor(storedPath(target, info.hashes.sha256)), bytes);
    targets[target] = info;
    for (const { manifest } of channel.releases) {
      Object.assign(targets, await targetsOfRelease(context, family, manifest));
    }
  }
  await commit(
    context,
    state,
    await changesFor(context, state, family, { targets }),
    await readLifetimes(context),
  );
}

/** A new family is delegated to a key of its own, for which the targets keys must sign. */
async function changesFor(
  context: PublisherContext,
  { targets, root }: RepositoryState,
  family: string,
  content: TargetsContent,
): Promise<Changes> {
  const role = familyRole(family);
  const families = new Map([[role, content]]);
  const before = targets.signed.delegations;
  if (before?.roles.some(({ name }) => name === role) === true) return { families };
  const { keyids, threshold } = root.signed.roles.targets;
  await context.keyring.signers('targets', keyids, threshold);
  const made = await createRoleKeys(context, role, { keys: 1, threshold: 1 });
  const delegation = { name: role, ...made.role, terminating: true, paths: familyPatterns(family) };
  const delegations = {
    keys: { ...before?.keys, ...made.keys },
    roles: [...(before?.roles ?? []), delegation],
  };
  return { families, targets: { targets: targets.signed.targets, delegations } };
}

/** Every file of a release as a target, its manifest included. */
async function targetsOfRelease(
  { repository }: PublisherContext,
  family: string,
  digest: string,
): Promise<Record<string, FileInfo>> {
  const name = join(repository.folder, storedPath(fileTarget(family, digest), digest));
  const { bytes, sha256 } = await readHashedFile(name, { maxBytes: maxManifestBytes, name });
  if (sha256 !== digest) throw new IntentdError('bad_repository', `${name} is not what its name says.`);
  const { files }: Pick<Manifest, 'files'> = parseManifest(bytes);
  const targets: Record<string, FileInfo> = { [fileTarget(family, digest)]: infoOf(bytes) };
  for (const file of Object.values(files)) {
    targets[fileTarget(family, file.sha256)] = { length: file.bytes, hashes: { sha256: file.sha256 } };
  }
  return targets;
}
