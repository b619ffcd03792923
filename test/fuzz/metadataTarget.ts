import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/index.js';
import {
  TrustedMetadata,
  channelTarget,
  fileTarget,
  parseChannel,
  readMetadata,
  storedPath,
  type TrustedTarget,
} from '../../src/update/index.js';
import { HandmadeRepository } from '../support/handmadeRepository.js';
import { jsonOf, mutateBytes, mutateJson, pick, type Random } from './mutate.js';
import { codeOf, promise, type FuzzTarget } from './target.js';

const nowMs = Date.parse('2026-11-24T00:00:00Z');
const roles = ['root', 'targets', 'family', 'snapshot', 'timestamp'] as const;
/** Memory where there is some that looks like a disk: thousands of generations are written. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const folder = mkdtempSync(join(place, 'intentd-fuzz-'));
process.on('exit', () => {
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Metadata: read alone, and as a whole repository on a device. What is spoilt is signed with the right keys in most
 * cases, so that it is not the signature that saves us.
 */
export async function metadataTarget(): Promise<FuzzTarget> {
  const repository = exampleRepository();
  const examples = [...repository.files]
    .filter(([path]) => path.startsWith('metadata/'))
    .map(([, bytes]) => bytes);
  const values = examples.map((bytes) => JSON.parse(Buffer.from(bytes).toString()) as unknown);
  promise((await trust(repository, 'whole')) === 'accepted', 'not even the example is');
  let count = 0;
  return {
    name: 'metadata',
    tryOne: async (random) => {
      if (random() < 0.8) {
        const bytes =
          random() < 0.6
            ? jsonOf(mutateJson(pick(random, values), random))
            : mutateBytes(pick(random, examples), examples, random);
        return read(bytes, random);
      }
      return signedAnew(repository, examples, random, `try-${count++}`);
    },
  };
}

function exampleRepository(): HandmadeRepository {
  const repository = new HandmadeRepository();
  repository.release({ version: '1.0.0' }, [Buffer.from('a file')]);
  return repository.sign();
}

function read(bytes: Uint8Array, random: Random): string {
  const type = pick(random, ['root', 'targets', 'snapshot', 'timestamp'] as const);
  try {
    if (random() < 0.1) {
      parseChannel(bytes, 'fuzzed');
    } else {
      const { signed } = readMetadata(type, bytes, 'fuzzed');
      promise(Number.isSafeInteger(signed.version) && signed.version > 0, `its version is ${signed.version}`);
      promise(signed._type === type, `it is ${signed._type}`);
    }
    return 'accepted';
  } catch (error) {
    return codeOf(error);
  }
}

/** Spoils a role or its bytes, signs everything, and lets a device that knows the repository look at it. */
async function signedAnew(
  repository: HandmadeRepository,
  examples: readonly Uint8Array[],
  random: Random,
  name: string,
): Promise<string> {
  const role = pick(random, roles);
  const inBytes = random() < 0.2;
  repository.edit = (of, signed) => {
    if (of !== role || inBytes) return;
    const changed = mutateJson(signed, random) as Record<string, unknown>;
    for (const key of Object.keys(signed)) Reflect.deleteProperty(signed, key);
    Object.assign(signed, changed);
  };
  repository.spoil = (of, bytes) => (of === role && inBytes ? mutateBytes(bytes, examples, random) : bytes);
  try {
    if (role === 'root') repository.signRoot(2);
    else repository.sign(2);
  } catch {
    // What cannot be signed cannot be published either.
    return 'unsignable';
  } finally {
    repository.edit = () => undefined;
    repository.spoil = (_, bytes) => bytes;
  }
  try {
    const outcome = await trust(repository, name);
    // Whatever it was, it must not have damaged what the device trusts by.
    const again = await trust(repository, name);
    promise(again === outcome, `it is ${outcome} first and then ${again}`);
    return outcome;
  } finally {
    repository.files.delete('metadata/2.root.json');
    repository.sign(1);
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

async function trust(repository: HandmadeRepository, name: string): Promise<string> {
  const trusted = new TrustedMetadata({
    folder: join(folder, name),
    installedRoot: repository.rootBytes,
    builtAtMs: 0,
    clock: { wall: () => nowMs },
    log: silentLogger,
  });
  const paths = [channelTarget('tiny', 'stable'), fileTarget('tiny', 'a'.repeat(64))];
  let found: (TrustedTarget | undefined)[];
  try {
    found = await trusted.refresh(
      repository,
      async (find) => [await find(paths[0]!), await find(paths[1]!)],
      new AbortController().signal,
    );
  } catch (error) {
    return codeOf(error);
  }
  for (const target of found) {
    if (target === undefined) continue;
    const { path, bytes, sha256 } = target;
    promise(Number.isSafeInteger(bytes) && bytes >= 0, `${path} has ${bytes} bytes`);
    promise(/^[0-9a-f]{64}$/.test(sha256), `${path} has no SHA-256`);
    storedPath(path, sha256);
  }
  return 'accepted';
}
