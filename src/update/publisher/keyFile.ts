import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  scrypt,
  sign,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';
import { IntentdError, parseJson, parseWith, sha256 } from '../../base/index.js';
import { canonicalize } from '@tufjs/canonical-json';

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `${bytes} bytes in hex`);

/** An ed25519 key at rest: the secret under AES-256-GCM, the key for that from a passphrase by scrypt. */
const keyFileSchema = z.strictObject({
  format: z.literal(1),
  role: z.string(),
  keyid: hex(32),
  public: hex(32),
  kdf: z.strictObject({
    name: z.literal('scrypt'),
    cost: z
      .int()
      .min(1024)
      .max(1 << 20),
    blockSize: z.literal(8),
    parallelization: z.int().min(1).max(16),
    salt: hex(16),
  }),
  cipher: z.strictObject({ name: z.literal('aes-256-gcm'), nonce: hex(12), tag: hex(16) }),
  secret: z.string().regex(/^[0-9a-f]{32,512}$/, 'hex'),
});

export type KeyFile = z.output<typeof keyFileSchema>;

/** A public key as TUF metadata names it. */
export interface PublicKey {
  readonly keytype: 'ed25519';
  readonly scheme: 'ed25519';
  readonly keyval: { readonly public: string };
}

/** A key that can sign. */
export interface SigningKey {
  readonly keyid: string;
  readonly sign: (data: Uint8Array) => string;
}

/** OWASP's advice for passphrases: about a quarter of a second and 32 MiB. */
const defaultCost = 1 << 15;
const parallelization = 3;

export function publicKeyOf({ public: value }: Pick<KeyFile, 'public'>): PublicKey {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: value } };
}

/**
 * Makes a key for a role.
 *
 * @param cost of scrypt, a power of two
 */
export async function createKeyFile(
  role: string,
  passphrase: string,
  cost: number = defaultCost,
): Promise<KeyFile> {
  const pair = generateKeyPairSync('ed25519');
  const publicHex = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  const kdf = {
    name: 'scrypt',
    cost,
    blockSize: 8,
    parallelization,
    salt: randomBytes(16).toString('hex'),
  } as const;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', await deriveKey(passphrase, kdf), nonce);
  cipher.setAAD(Buffer.from(publicHex, 'hex'));
  const plain = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  const secret = Buffer.concat([cipher.update(plain), cipher.final()]).toString('hex');
  return {
    format: 1,
    role,
    keyid: sha256(canonicalize(publicKeyOf({ public: publicHex }))),
    public: publicHex,
    kdf,
    cipher: { name: 'aes-256-gcm', nonce: nonce.toString('hex'), tag: cipher.getAuthTag().toString('hex') },
    secret,
  };
}

/** @throws IntentdError `bad_key` or `bad_json` */
export function parseKeyFile(bytes: Uint8Array, name: string): KeyFile {
  return parseWith(keyFileSchema, parseJson(bytes, { name, maxDepth: 4 }), name, 'bad_key');
}

/** @throws IntentdError `bad_passphrase` */
export async function unlockKey(file: KeyFile, passphrase: string, name: string): Promise<SigningKey> {
  const key = await decrypt(file, passphrase, name);
  return { keyid: file.keyid, sign: (data) => sign(null, data, key).toString('hex') };
}

async function decrypt(file: KeyFile, passphrase: string, name: string): Promise<KeyObject> {
  const decipher = createDecipheriv(
    'aes-256-gcm',
    await deriveKey(passphrase, file.kdf),
    Buffer.from(file.cipher.nonce, 'hex'),
  );
  decipher.setAAD(Buffer.from(file.public, 'hex'));
  decipher.setAuthTag(Buffer.from(file.cipher.tag, 'hex'));
  let plain: Buffer;
  try {
    plain = Buffer.concat([decipher.update(Buffer.from(file.secret, 'hex')), decipher.final()]);
  } catch (cause) {
    throw new IntentdError('bad_passphrase', `${name} does not open with this passphrase.`, { cause });
  }
  const key = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' });
  const found = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex');
  if (found !== file.public || sha256(canonicalize(publicKeyOf(file))) !== file.keyid) {
    throw new IntentdError('bad_key', `${name} holds another key than it says.`);
  }
  return key;
}

function deriveKey(passphrase: string, kdf: KeyFile['kdf']): Promise<Buffer> {
  const { cost: N, blockSize: r, parallelization: p, salt } = kdf;
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), Buffer.from(salt, 'hex'), 32, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
