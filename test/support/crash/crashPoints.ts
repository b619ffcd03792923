import { DiskModel } from './diskModel.js';
import { fingerprint, type DiskImage } from './diskImage.js';
import { watchDisk, type DiskOperation } from './watchDisk.js';

export type CrashKind = 'applied' | 'unsynced lost' | 'last write torn';

/** What a power cut at one point leaves. */
export interface CrashState {
  /** The operation at which power went. */
  readonly point: number;
  readonly operation: string;
  readonly kind: CrashKind;
  readonly image: DiskImage;
}

export interface CrashPoints {
  /** Durable operations: repeated pieces of a file count once. */
  readonly count: number;
  /** Three ways each; those that leave the same are one. */
  readonly states: readonly CrashState[];
}

/** Does something, and gives every state in which a power cut during it could leave a folder. */
export async function crashPointsOf(root: string, work: () => Promise<void>): Promise<CrashPoints> {
  const recorder = new Recorder(root);
  const stop = watchDisk(root, (operation) => {
    recorder.take(operation);
  });
  try {
    await work();
  } finally {
    stop();
  }
  return recorder.points;
}

class Recorder {
  readonly #root: string;
  readonly #model: DiskModel;
  readonly #states = new Map<string, CrashState>();
  #count = 0;
  #before: DiskImage;
  #lastWritten: number | undefined;

  constructor(root: string) {
    this.#root = root;
    this.#model = new DiskModel(root);
    this.#before = this.#model.now();
  }

  get points(): CrashPoints {
    return { count: this.#count, states: [...this.#states.values()] };
  }

  take(operation: DiskOperation): void {
    const torn = this.#apply(operation);
    const repeats = operation.kind === 'write' && operation.inode === this.#lastWritten;
    this.#lastWritten = operation.kind === 'write' ? operation.inode : undefined;
    const now = this.#model.now();
    if (!repeats) {
      this.#count += 1;
      this.#note(operation, 'applied', now);
      this.#note(operation, 'unsynced lost', this.#syncedBefore ?? this.#model.synced());
      this.#note(operation, 'last write torn', torn ?? this.#tornFile(operation, now));
    }
    this.#before = now;
  }

  #syncedBefore: DiskImage | undefined;

  /** A commit of SQLite gives what it leaves torn; it is lost as a whole where it was not synced. */
  #apply(operation: DiskOperation): DiskImage | undefined {
    this.#syncedBefore = undefined;
    switch (operation.kind) {
      case 'made':
        for (const inode of operation.inodes) this.#model.isNew(inode);
        return undefined;
      case 'write':
        this.#model.touched(operation.inode);
        return undefined;
      case 'syncFile':
        this.#model.syncFile(operation.inode, operation.content);
        return undefined;
      case 'syncFolder':
        this.#model.syncFolder(operation.path);
        return undefined;
      case 'commit': {
        this.#syncedBefore = this.#model.synced();
        const { before, after } = this.#model.syncDatabase(operation.path);
        return this.#model.withDatabase(this.#before, operation.path, [
          before[0],
          tornLog(before[1], after[1]),
        ]);
      }
      default:
        return undefined;
    }
  }

  /** Half of what was written last; a name or a sync has no half, and did not happen. */
  #tornFile(operation: DiskOperation, now: DiskImage): DiskImage {
    if (operation.kind !== 'write') return this.#before;
    const path = operation.path.slice(this.#root.length + 1);
    const [old, whole] = [this.#before.get(path), now.get(path)];
    if (!Buffer.isBuffer(whole)) return this.#before;
    const kept = Buffer.isBuffer(old) && old.length <= whole.length ? old.length : 0;
    const half = kept + Math.floor((whole.length - kept) / 2);
    return new Map(now).set(path, whole.subarray(0, half));
  }

  #note(operation: DiskOperation, kind: CrashKind, image: DiskImage): void {
    const key = fingerprint(image);
    if (this.#states.has(key)) return;
    const what = `${operation.kind} ${operation.path.slice(this.#root.length + 1)}`;
    this.#states.set(key, { point: this.#count, operation: what, kind, image });
  }
}

/** Half of the frames that the commit added, which SQLite must find out by itself. */
function tornLog(before: Buffer, after: Buffer): Buffer {
  const grew = after.length > before.length && after.subarray(0, before.length).equals(before);
  const kept = grew ? before.length : 0;
  return after.subarray(0, kept + Math.floor((after.length - kept) / 2));
}
