import { randomBytes } from 'node:crypto';
import { readRegularFile, IntentdError, writeFileAtomic } from '../../base/index.js';

const bytes = 32;

/**
 * The secret of this device by which it knows the engines that it built, made where there is none yet; mode
 * 0600. One that is damaged is replaced: then every engine is built again.
 */
export async function deviceSecret(path: string): Promise<Buffer> {
  const known = await read(path);
  if (known?.length === bytes) return Buffer.from(known);
  const made = randomBytes(bytes);
  await writeFileAtomic(path, made, { mode: 0o600 });
  return made;
}

async function read(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readRegularFile(path, { maxBytes: bytes, name: path });
  } catch (error) {
    if (error instanceof IntentdError && error.code === 'bad_file') return undefined;
    throw error;
  }
}
