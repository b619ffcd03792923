import { z } from 'zod';
import { parseJson, parseWith, sha256 } from '../../base/index.js';
import { compareVersions } from './semanticVersion.js';

/** A channel file longer than this is refused unread. */
export const maxChannelBytes = 64 * 1024;

const semanticVersion = z
  .string()
  .max(64)
  .regex(
    /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/,
    'a semantic version such as 1.0.0',
  );
export const familyName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'up to 64 of a-z, 0-9, ".", "_", "-", beginning with a-z or 0-9');
export const channelName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'up to 32 of a-z, 0-9, "-", beginning with a-z or 0-9');
const deviceKind = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a kind of device such as jetson-orin or linux-x64');

export const releaseSchema = z.strictObject({
  version: semanticVersion,
  /** SHA-256 of the bundle's manifest.json. */
  manifest: z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits'),
  minAgent: semanticVersion,
  /** Percent of the devices that may take it. */
  share: z.number().min(0.01).max(100),
  /** Absent: every kind. */
  devices: z.array(deviceKind).min(1).max(16).optional(),
});

export const channelSchema = z.strictObject({
  format: z.literal(1),
  family: familyName,
  channel: channelName,
  releases: z
    .array(releaseSchema)
    .max(32)
    .refine((all) => new Set(all.map(({ version }) => version)).size === all.length, {
      error: 'must name each version once',
    }),
});

/** What a channel of a model family offers. */
export type Channel = z.output<typeof channelSchema>;
export type Release = z.output<typeof releaseSchema>;

/** What decides which release a device takes. */
export interface DeviceTraits {
  readonly id: string;
  readonly kind: string;
  /** Version of its agent. */
  readonly agent: string;
}

/** @throws IntentdError `bad_channel` or `bad_json` */
export function parseChannel(bytes: Uint8Array, name: string): Channel {
  return parseWith(channelSchema, parseJson(bytes, { name, maxDepth: 8 }), name, 'bad_channel');
}

/**
 * Where a device stands in the rollout of a version, in percent: it belongs to every share above that.
 * The same device stands elsewhere for each version, so that no device is always the first.
 */
export function rolloutPosition(device: string, family: string, version: string): number {
  const digest = sha256(`${family} ${version} ${device}`);
  return (parseInt(digest.slice(0, 8), 16) / 2 ** 32) * 100;
}

/** Why a device does not take a release; `undefined` where it does. */
export function refusalOf(release: Release, family: string, device: DeviceTraits): string | undefined {
  const { version, devices, minAgent, share } = release;
  if (devices !== undefined && !devices.includes(device.kind)) {
    return `${family} ${version} is for ${devices.join(', ')}, and this device is ${device.kind}`;
  }
  if (compareVersions(device.agent, minAgent) < 0) {
    return `${family} ${version} needs an agent of version ${minAgent} or newer, and this is ${device.agent}`;
  }
  if (rolloutPosition(device.id, family, version) >= share) {
    return `${family} ${version} is offered to ${share} % of the devices, and this is not one of them yet`;
  }
  return undefined;
}

/** The newest release of the channel that the device takes. */
export function chooseRelease({ family, releases }: Channel, device: DeviceTraits): Release | undefined {
  return releases
    .filter((release) => refusalOf(release, family, device) === undefined)
    .sort((a, b) => compareVersions(b.version, a.version))[0];
}
