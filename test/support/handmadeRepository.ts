import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { canonicalize } from '@tufjs/canonical-json';
import { sha256 } from '../../src/base/index.js';
import {
  channelTarget,
  familyPatterns,
  familyRole,
  fileTarget,
  storedPath,
  type Source,
} from '../../src/update/index.js';

type Role = 'root' | 'targets' | 'snapshot' | 'timestamp' | 'family';
type Loose = Record<string, unknown>;

interface HandmadeKey {
  readonly keyid: string;
  readonly json: object;
  readonly secret: KeyObject;
}

/**
 * A repository whose publisher holds the right keys and says whatever it likes: what `intentd publish` would never
 * sign. Nothing of the publisher's code is in it but the names of paths.
 */
export class HandmadeRepository implements Source {
  readonly files = new Map<string, Uint8Array>();
  readonly family: string;
  readonly #keys: Record<Role, HandmadeKey>;
  readonly #targets: Loose = {};
  /** Changes what a role says before it is signed; by the file's name without version. */
  edit: (role: string, signed: Loose) => void = () => undefined;
  /** Changes the bytes after that; what refers to them refers to the changed ones. */
  spoil: (role: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes;
  expires = '2099-01-01T00:00:00Z';

  constructor(family = 'tiny') {
    this.family = family;
    this.#keys = {
      root: newKey(),
      targets: newKey(),
      snapshot: newKey(),
      timestamp: newKey(),
      family: newKey(),
    };
  }

  /** Adds a target; its name may be any. */
  target(path: string, bytes: Uint8Array, info: Loose = {}): void {
    const digest = sha256(bytes);
    this.#targets[path] = { length: bytes.length, hashes: { sha256: digest }, ...info };
    this.files.set(storedPath(path, digest), bytes);
  }

  /** Offers a bundle of a manifest that need not be right, and files that go with it. */
  release(manifest: unknown, files: readonly Uint8Array[], release: Loose = {}): void {
    const bytes = Buffer.from(JSON.stringify(manifest));
    for (const file of [bytes, ...files]) this.target(fileTarget(this.family, sha256(file)), file);
    const { version } = manifest as { version: string };
    const offered = { version, manifest: sha256(bytes), minAgent: '0.1.0', share: 100, ...release };
    const channel = { format: 1, family: this.family, channel: 'stable', releases: [offered] };
    this.target(channelTarget(this.family, 'stable'), Buffer.from(JSON.stringify(channel)));
  }

  /** Signs everything: version 1 of each role but `version` for timestamp and snapshot. */
  sign(version = 1): this {
    const { targets, snapshot, timestamp, family } = this.#keys;
    const role = familyRole(this.family);
    this.signRoot(1);
    const meta = {
      [`${role}.json`]: this.#put('family', `1.${role}.json`, family, {
        _type: 'targets',
        version: 1,
        targets: this.#targets,
      }),
      'targets.json': this.#put('targets', '1.targets.json', targets, {
        _type: 'targets',
        version: 1,
        targets: {},
        delegations: {
          keys: keys(family),
          roles: [{ name: role, ...one(family), terminating: true, paths: familyPatterns(this.family) }],
        },
      }),
    };
    const info = this.#put('snapshot', `${version}.snapshot.json`, snapshot, {
      _type: 'snapshot',
      version,
      meta,
    });
    this.#put('timestamp', 'timestamp.json', timestamp, {
      _type: 'timestamp',
      version,
      meta: { 'snapshot.json': { ...info, version } },
    });
    return this;
  }

  /** Signs a root of the same keys. */
  signRoot(version: number): void {
    const { root, targets, snapshot, timestamp } = this.#keys;
    this.#put('root', `${version}.root.json`, root, {
      _type: 'root',
      version,
      consistent_snapshot: true,
      keys: keys(root, targets, snapshot, timestamp),
      roles: { root: one(root), targets: one(targets), snapshot: one(snapshot), timestamp: one(timestamp) },
    });
  }

  get rootBytes(): Uint8Array {
    return this.files.get('metadata/1.root.json')!;
  }

  /** Writes it for a server or a medium. */
  write(folder: string): void {
    for (const [path, bytes] of this.files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(path));
  }

  #put(role: Role, name: string, key: HandmadeKey, content: Loose): Loose {
    const signed: Loose = { ...content, spec_version: '1.0.31', expires: this.expires };
    this.edit(role, signed);
    const data = Buffer.from(canonicalize(signed));
    const signatures = [{ keyid: key.keyid, sig: sign(null, data, key.secret).toString('hex') }];
    const bytes = this.spoil(role, Buffer.from(JSON.stringify({ signatures, signed })));
    this.files.set(`metadata/${name}`, bytes);
    return { version: 1, length: bytes.length, hashes: { sha256: sha256(bytes) } };
  }
}

function one({ keyid }: HandmadeKey) {
  return { keyids: [keyid], threshold: 1 };
}

function keys(...some: readonly HandmadeKey[]) {
  return Object.fromEntries(some.map(({ keyid, json }) => [keyid, json]));
}

function newKey(): HandmadeKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const value = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const json = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: value } };
  return { keyid: sha256(canonicalize(json)), json, secret: privateKey };
}
