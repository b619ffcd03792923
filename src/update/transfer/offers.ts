import { IntentdError, sha256 } from '../../base/index.js';
import {
  channelTarget,
  compareVersions,
  maxChannelBytes,
  parseChannel,
  refusalOf,
  storedPath,
  type DeviceTraits,
} from '../format/index.js';
import type { Offer } from '../ports.js';
import type { FindTarget, TrustedTarget } from '../trust/index.js';
import type { Transport } from './transport.js';

/**
 * Everything that a channel of a family offers, newest first; nothing where the family has no such channel.
 *
 * @throws IntentdError `untrusted`, `unreachable`, `too_large`, `bad_channel`
 */
export async function offersOf(
  { family, channel }: { readonly family: string; readonly channel: string },
  device: DeviceTraits,
  { find, transport }: { readonly find: FindTarget; readonly transport: Transport },
  signal: AbortSignal,
): Promise<Offer[]> {
  const target = await find(channelTarget(family, channel));
  if (target === undefined) return [];
  const offered = parseChannel(await readTarget(transport, target, maxChannelBytes, signal), target.path);
  if (offered.family !== family || offered.channel !== channel) {
    throw new IntentdError(
      'untrusted',
      `${target.path} is the channel ${offered.channel} of ${offered.family}: it belongs elsewhere.`,
    );
  }
  return offered.releases
    .toSorted((a, b) => compareVersions(b.version, a.version))
    .map((release) => ({ family, channel, release, refusal: refusalOf(release, family, device) }));
}

/**
 * The bytes of a small target, which are what trusted metadata says.
 *
 * @throws IntentdError `untrusted`, `unreachable`, `too_large`
 */
export async function readTarget(
  transport: Transport,
  { path, bytes, sha256: digest }: TrustedTarget,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (bytes > maxBytes) {
    throw new IntentdError('too_large', `${path} has ${bytes} bytes, and at most ${maxBytes} are allowed.`);
  }
  const found = await transport.read(storedPath(path, digest), bytes, signal);
  if (found === undefined) throw missing(transport, path);
  if (found.length !== bytes || sha256(found) !== digest) {
    throw new IntentdError('untrusted', `${path} from ${transport.name} is not what trusted metadata says.`);
  }
  return found;
}

/** A file that metadata names and the repository lacks: it may be on its way there. */
export function missing({ name }: Transport, path: string): IntentdError {
  return new IntentdError('unreachable', `${name} does not have ${path}, which its metadata names.`);
}
