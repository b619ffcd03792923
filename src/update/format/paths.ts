/** The part of a repository below which its targets stand, and the one of its metadata. */
export const targetsFolder = 'targets';
export const metadataFolder = 'metadata';

/** Name of the role to which the targets of a family are delegated. */
export function familyRole(family: string): string {
  return `model-${family}`;
}

/** The patterns of the target paths of a family; `*` stands for one part of a path. */
export function familyPatterns(family: string): string[] {
  return [`${family}/files/*`, `${family}/channels/*`];
}

/** Target path of a bundle's file, its manifest included: files with equal bytes are one target. */
export function fileTarget(family: string, sha256: string): string {
  return `${family}/files/${sha256}`;
}

export function channelTarget(family: string, channel: string): string {
  return `${family}/channels/${channel}.json`;
}

/** Where a target lies in the repository: its last part has the digest in front (TUF, 6.2). */
export function storedPath(target: string, sha256: string): string {
  const slash = target.lastIndexOf('/') + 1;
  return `${targetsFolder}/${target.slice(0, slash)}${sha256}.${target.slice(slash)}`;
}
