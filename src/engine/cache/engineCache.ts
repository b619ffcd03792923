import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  IntentdError,
  eachPieceOfFile,
  fillFolderAtomic,
  messageOf,
  readRegularFile,
} from '../../base/index.js';
import type { EngineReport } from '../builder/report.js';
import { engineKey } from './key.js';
import { deviceSecret } from './secret.js';

const files = { plan: 'plan', report: 'report.json', code: 'mac' } as const;
const maxReportBytes = 64 * 2 ** 20;
const maxPlanBytes = 8 * 2 ** 30;
const isKey = /^[0-9a-f]{64}$/;

type Code = ReturnType<typeof createHmac>;

/** Takes the bytes of a plan of `total` bytes, in order. */
export type TakePlan = (piece: Uint8Array, total: number) => Promise<void>;

/**
 * Serialized engines in the state directory, `engines/<key>/`: plan, report, and a code over both and the key
 * that only this device can make. A plan is executable code: none without the right code is ever loaded.
 */
export class EngineCache {
  readonly #folder: string;
  readonly #secretFile: string;
  #secret: Promise<Buffer> | undefined;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'engines');
    this.#secretFile = join(stateDir, 'engine.secret');
  }

  get folder(): string {
    return this.#folder;
  }

  get timingCache(): string {
    return join(this.#folder, 'timing.cache');
  }

  /** Makes the folder, and removes what an interrupted build left in it. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o750 });
    for (const name of await readdir(this.#folder)) {
      if (name.startsWith('.')) await rm(join(this.#folder, name), { recursive: true, force: true });
    }
  }

  /** Keeps an engine under its report's key, in place of one that is there. */
  async add(report: EngineReport, plan: AsyncIterable<Uint8Array>): Promise<void> {
    const { key } = report;
    if (engineKey(report.parts) !== key) {
      throw new IntentdError('bad_engine', `The builder's engine has the key ${key}, and is not of it.`);
    }
    const text = Buffer.from(`${JSON.stringify(report)}\n`);
    const code = await this.#codeOver(key, text);
    const target = join(this.#folder, key);
    await fillFolderAtomic(join(this.#folder, key), async (temporary) => {
      await writeDurably(join(temporary, files.report), [text]);
      await writeDurably(join(temporary, files.plan), hashing(plan, code));
      await writeDurably(join(temporary, files.code), [Buffer.from(code.digest('hex'))]);
      await rm(target, { recursive: true, force: true });
    });
  }

  /**
   * Reads an engine once, handing its plan over as it is read.
   *
   * @returns its report, when all of the plan was handed over and the code is right: what was handed over
   *   before must not be used until then
   * @throws IntentdError `no_engine` where there is none, `bad_engine` where a bit of it is not as this device
   *   wrote it
   */
  async read(key: string, take: TakePlan): Promise<EngineReport> {
    const folder = join(this.#folder, key);
    await mustBeThere(folder, key);
    try {
      const report = await this.#readFile(key, files.report, maxReportBytes);
      const expected = await this.#readFile(key, files.code, 64);
      const code = await this.#codeOver(key, report);
      const plan = join(folder, files.plan);
      await eachPieceOfFile(
        plan,
        { maxBytes: maxPlanBytes, name: `${key}/plan` },
        async (piece, _, total) => {
          code.update(piece);
          // The next piece is read into the same memory.
          await take(Buffer.from(piece), total);
        },
      );
      if (!isEqual(Buffer.from(code.digest('hex')), Buffer.from(expected))) {
        throw new IntentdError('bad_engine', 'its authentication code is not right');
      }
      return JSON.parse(Buffer.from(report).toString('utf8')) as EngineReport;
    } catch (cause) {
      if (!isOurs(cause)) throw cause;
      throw new IntentdError(
        'bad_engine',
        `The engine ${key} is not as this device built it: ${messageOf(cause)}`,
        {
          cause,
        },
      );
    }
  }

  /** Reads an engine for nothing but to see whether it is right. @throws IntentdError as `read` does */
  verify(key: string): Promise<EngineReport> {
    return this.read(key, () => Promise.resolve());
  }

  /** Keys of the engines, the newest first. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const dated = await Promise.all(
      names
        .filter((name) => isKey.test(name))
        .map(async (key) => ({ key, at: (await stat(join(this.#folder, key))).mtimeMs })),
    );
    return dated.sort((a, b) => b.at - a.at).map(({ key }) => key);
  }

  async remove(key: string): Promise<void> {
    await rm(join(this.#folder, key), { recursive: true, force: true });
  }

  /** Removes the oldest engines that are not in use, down to `count`. */
  async keepNewest(count: number, inUse: ReadonlySet<string>): Promise<void> {
    const unused = (await this.list()).filter((key) => !inUse.has(key));
    for (const key of unused.slice(Math.max(0, count - inUse.size))) await this.remove(key);
  }

  #readFile(key: string, name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return readRegularFile(join(this.#folder, key, name), { maxBytes, name: `${key}/${name}` });
  }

  /** HMAC-SHA256 over the key and the report, each with its length; the plan's bytes follow. */
  async #codeOver(key: string, report: Uint8Array): Promise<Code> {
    this.#secret ??= deviceSecret(this.#secretFile);
    const code = createHmac('sha256', await this.#secret);
    for (const part of [Buffer.from('intentd engine 1'), Buffer.from(key), report]) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(part.length));
      code.update(length).update(part);
    }
    return code;
  }
}

async function* hashing(plan: AsyncIterable<Uint8Array>, code: Code): AsyncIterable<Uint8Array> {
  for await (const piece of plan) {
    code.update(piece);
    yield piece;
  }
}

async function writeDurably(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const handle = await open(path, 'wx', 0o440);
  try {
    for await (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function mustBeThere(folder: string, key: string): Promise<void> {
  try {
    await stat(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new IntentdError('no_engine', `No engine ${key} was built here yet.`);
  }
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function isOurs(error: unknown): boolean {
  return error instanceof IntentdError && (error.code === 'bad_file' || error.code === 'bad_engine');
}
