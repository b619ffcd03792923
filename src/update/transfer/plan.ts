import { IntentdError } from '../../base/index.js';
import { manifestFile, parseManifest, type Manifest } from '../../model/index.js';
import { compareVersions, fileTarget, storedPath, type DeviceTraits } from '../format/index.js';
import type { Offer } from '../ports.js';
import type { FindTarget, TrustedTarget } from '../trust/index.js';
import { readTarget } from './offers.js';
import type { Transport } from './transport.js';

const maxManifestBytes = 1 << 20;

/** A file of a bundle, as manifest and trusted metadata agree on it. */
export interface PlannedFile {
  /** A plain name: no folder, no dot in front. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** In the repository. */
  readonly stored: string;
}

export interface BundlePlan {
  readonly manifestBytes: Uint8Array;
  /** Every file but the manifest. */
  readonly files: readonly PlannedFile[];
  /** The manifest included. */
  readonly totalBytes: number;
}

export interface PlanContext {
  readonly find: FindTarget;
  readonly transport: Transport;
  readonly device: DeviceTraits;
  readonly maxBundleBytes: number;
}

/**
 * Reads the manifest of an offer and holds it against the offer, the device and trusted metadata; nothing is
 * written.
 *
 * @throws IntentdError `untrusted`, `unreachable`, `too_large`, `refused`, `bad_bundle`
 */
export async function planBundle(
  offer: Offer,
  context: PlanContext,
  signal: AbortSignal,
): Promise<BundlePlan> {
  const { family, release } = offer;
  const target = await found(
    context,
    family,
    release.manifest,
    `The manifest of ${family} ${release.version}`,
  );
  const manifestBytes = await readTarget(context.transport, target, maxManifestBytes, signal);
  const manifest = parseManifest(manifestBytes);
  checkManifest(manifest, offer, context.device);
  const files: PlannedFile[] = [];
  for (const [name, { sha256, bytes }] of Object.entries(manifest.files)) {
    const { bytes: trusted } = await found(context, family, sha256, name);
    if (trusted !== bytes) {
      throw new IntentdError(
        'untrusted',
        `${manifestFile} says that ${name} has ${bytes} bytes, and trusted metadata says ${trusted}.`,
      );
    }
    files.push({ name, bytes, sha256, stored: storedPath(fileTarget(family, sha256), sha256) });
  }
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, manifestBytes.length);
  if (totalBytes > context.maxBundleBytes) {
    throw new IntentdError(
      'too_large',
      `${family} ${release.version} has ${totalBytes} bytes, and update.maxMegabytes allows ${context.maxBundleBytes}.`,
    );
  }
  return { manifestBytes, files, totalBytes };
}

async function found(
  { find }: PlanContext,
  family: string,
  digest: string,
  what: string,
): Promise<TrustedTarget> {
  const target = await find(fileTarget(family, digest));
  if (target === undefined) {
    throw new IntentdError(
      'untrusted',
      `${what} (${digest.slice(0, 12)}) is not in trusted metadata: it was withdrawn, or never published.`,
    );
  }
  if (target.sha256 !== digest) {
    throw new IntentdError('untrusted', `${target.path} has another SHA-256 in trusted metadata.`);
  }
  return target;
}

function checkManifest(
  { id, version, minAgent }: Manifest,
  { family, release }: Offer,
  device: DeviceTraits,
): void {
  if (id !== family || version !== release.version) {
    throw new IntentdError(
      'untrusted',
      `The channel offers ${family} ${release.version}, and its manifest is that of ${id} ${version}.`,
    );
  }
  const { devices } = release;
  if (devices !== undefined && !devices.includes(device.kind)) {
    throw new IntentdError(
      'refused',
      `${family} ${version} is for ${devices.join(', ')}, and this device is ${device.kind}.`,
    );
  }
  for (const least of [minAgent, release.minAgent]) {
    if (compareVersions(device.agent, least) < 0) {
      throw new IntentdError(
        'refused',
        `${family} ${version} needs an agent of version ${least} or newer, and this is ${device.agent}.`,
      );
    }
  }
}
