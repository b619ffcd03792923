import { join } from 'node:path';
import { IntentdError, parseWith, readHashedFile } from '../../base/index.js';
import {
  channelSchema,
  channelTarget,
  compareVersions,
  familyRole,
  maxChannelBytes,
  parseChannel,
  storedPath,
  type Channel,
  type Release,
} from '../format/index.js';
import type { PublisherContext } from './context.js';
import { delegationOf, type RepositoryState } from './repository.js';

export interface Rollout {
  readonly channel: string;
  /** Percent of the devices; 0 takes the version out of the channel. */
  readonly share: number;
  /** Kinds of devices; every kind if absent. */
  readonly devices?: readonly string[];
}

/** What a family offers, by channel. */
export type Channels = ReadonlyMap<string, Channel>;

/** @throws IntentdError `bad_repository` */
export async function readChannels(
  { repository }: PublisherContext,
  state: RepositoryState,
  family: string,
): Promise<Channels> {
  const channels = new Map<string, Channel>();
  if (delegationOf(state, family) === undefined) return channels;
  const prefix = channelTarget(family, '').slice(0, -'.json'.length);
  const { targets } = state.families.get(familyRole(family))!.signed;
  for (const [target, { hashes }] of Object.entries(targets)) {
    if (!target.startsWith(prefix)) continue;
    const name = join(repository.folder, storedPath(target, hashes.sha256));
    const { bytes, sha256 } = await readHashedFile(name, { maxBytes: maxChannelBytes, name });
    if (sha256 !== hashes.sha256)
      throw new IntentdError('bad_repository', `${name} is not what its name says.`);
    const channel = parseChannel(bytes, name);
    channels.set(channel.channel, channel);
  }
  return channels;
}

/** The channels with the release in one of them; what every device takes replaces all that is older there. */
export function offer(channels: Channels, family: string, release: Release, rollout: Rollout): Channels {
  const { channel, share, devices } = rollout;
  const { devices: previous, ...rest } = release;
  const kinds = devices ?? previous;
  const offered = { ...rest, share, ...(kinds === undefined ? {} : { devices: [...kinds] }) };
  const others = (channels.get(channel)?.releases ?? []).filter(({ version }) => version !== release.version);
  const forAll = share === 100 && kinds === undefined;
  const kept = others.filter((one) => !forAll || compareVersions(one.version, release.version) > 0);
  const releases = (share === 0 ? others : [...kept, offered]).sort((a, b) =>
    compareVersions(b.version, a.version),
  );
  const next = { format: 1, family, channel, releases };
  const checked = parseWith(channelSchema, next, `Channel ${channel}`, 'usage');
  return new Map([...channels, [channel, checked]]);
}

export function findRelease(channels: Channels, version: string): Release | undefined {
  return [...channels.values()].flatMap(({ releases }) => releases).find((one) => one.version === version);
}
