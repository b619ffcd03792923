import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/index.js';
import { FolderTransport, TrustedMetadata, type Source, type TrustedTarget } from '../../src/update/index.js';

/** What a device keeps and knows of a repository; each refresh is one of a fresh process. */
export class FleetDevice {
  readonly folder = mkdtempSync(join(tmpdir(), 'intentd-device-'));
  nowMs: number | undefined;
  builtAtMs = 0;
  readonly #repository: string;
  readonly #installedRoot: Uint8Array;

  constructor(repository: string, root = join(repository, 'metadata', '1.root.json')) {
    this.#repository = repository;
    this.#installedRoot = readFileSync(root);
  }

  /** A device of the same state, to try several things on. */
  copy(): FleetDevice {
    const copy = new FleetDevice(this.#repository);
    cpSync(this.folder, copy.folder, { recursive: true });
    return copy;
  }

  refresh(
    source: Source | string = this.#repository,
    paths: readonly string[] = ['tiny/channels/stable.json'],
  ): Promise<ReadonlyMap<string, TrustedTarget>> {
    const trust = new TrustedMetadata({
      folder: this.folder,
      installedRoot: this.#installedRoot,
      builtAtMs: this.builtAtMs,
      clock: { wall: () => this.nowMs ?? Date.now() },
      log: silentLogger,
    });
    return trust.refresh(
      typeof source === 'string' ? new FolderTransport(source) : source,
      async (find) => {
        const found = new Map<string, TrustedTarget>();
        for (const path of paths) {
          const target = await find(path);
          if (target !== undefined) found.set(path, target);
        }
        return found;
      },
      new AbortController().signal,
    );
  }

  /** `accepted`, or the code of the refusal. */
  async outcome(source?: Source | string): Promise<string> {
    try {
      await this.refresh(source);
      return 'accepted';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}
