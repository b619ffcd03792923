import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IntentdError, sha256, silentLogger } from '../../src/base/index.js';
import {
  Downloads,
  Updates,
  defaultRules,
  openJournal,
  type BundleShelf,
  type Ended,
  type GateFigure,
  type Journal,
  type Offer,
  type Rules,
  type UpdateHost,
  type UpdateSource,
  type UpdateView,
} from '../../src/update/index.js';
import { writeTinyBundle, type TinyBundleOptions } from './tinyBundle.js';

const patientRules: Rules = { ...defaultRules, retryMs: 1, maxRetryMs: 2 };

/** A figure of a gate, as a host that measures would give it. */
export function figure(gate: GateFigure['gate'], passed: boolean): GateFigure {
  return { gate, measured: 1, bound: 2, passed, detail: passed ? 'as it should be' : 'too bad to serve' };
}

/** Where bundles come from, what serves them, and everything that may go wrong with either. */
export class UpdateWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'intentd-updates-'));
  readonly path = join(this.folder, 'update', 'journal.db');
  readonly downloads = join(this.folder, 'update', 'download');
  readonly offers: Offer[] = [];
  readonly folders = new Map<string, string>();
  /** What the host was asked to do, in order, with the version. */
  readonly calls: string[] = [];
  readonly views: UpdateView[] = [];
  readonly ended: Ended[] = [];
  readonly kept = new Set<string>();
  readonly serving = new Map<string, { digest: string; version: string; previous: string | null }>();
  rules = patientRules;
  /** Throws where a step is to fail; told `step version`, and what ends it where something does. */
  fails: (call: string, signal?: AbortSignal) => void | Promise<void> = () => undefined;
  figures: (call: string) => GateFigure[] = () => [];
  sharing = new Set<string>();
  journal: Journal | undefined;
  #updates: Updates | undefined;
  #bundles = 0;

  get updates(): Updates {
    if (this.#updates === undefined) throw new Error('Start the world first.');
    return this.#updates;
  }

  /** Makes a bundle that the source offers. */
  async offer(version: string, more: { family?: string; refusal?: string; bundle?: TinyBundleOptions } = {}) {
    const { family = 'tiny' } = more;
    const folder = join(this.folder, `made-${this.#bundles++}`);
    await writeTinyBundle(folder, { ...more.bundle, parts: { id: family, version } });
    const manifest = sha256(readFileSync(join(folder, 'manifest.json')));
    this.folders.set(manifest, folder);
    const release = { version, manifest, minAgent: '0.1.0', share: 100 };
    this.offers.push({ family, channel: 'stable', release, refusal: more.refusal });
    return manifest;
  }

  /** Starts what an agent would, on what is on disk. */
  async start(wrap: (journal: Journal) => Journal = (journal) => journal): Promise<this> {
    this.journal = wrap(await openJournal(this.path, silentLogger));
    this.#updates = new Updates({
      journal: this.journal,
      sourceFor: () => Promise.resolve(this.#source()),
      host: this.#host(),
      shelf: this.#shelf(),
      downloads: new Downloads(this.downloads),
      clock: { wall: () => Date.now() },
      log: silentLogger,
      rules: this.rules,
      onChange: (view) => this.views.push(view),
      onEnded: (ended) => this.ended.push(ended),
    });
    this.#updates.start();
    return this;
  }

  async restart(): Promise<void> {
    await this.updates.stop();
    await this.start();
  }

  async install(more: { version?: string; family?: string; downgrade?: boolean; force?: boolean } = {}) {
    return this.updates.request({
      kind: 'install',
      by: 'command',
      family: more.family ?? 'tiny',
      version: more.version ?? null,
      from: null,
      downgrade: more.downgrade ?? false,
      force: more.force ?? false,
    }).ended;
  }

  /** The phases that were told, each once in a row. */
  get phases(): string[] {
    return this.views.map(({ phase }) => phase).filter((phase, at, all) => phase !== all[at - 1]);
  }

  get downloading(): string[] {
    return existsSync(this.downloads) ? readdirSync(this.downloads) : [];
  }

  async end(): Promise<void> {
    await this.#updates?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  versionOf(digest: string): string {
    return this.offers.find(({ release }) => release.manifest === digest)?.release.version ?? 'unknown';
  }

  async #call(step: string, digest: string, signal?: AbortSignal): Promise<string> {
    const call = `${step} ${this.versionOf(digest)}`;
    this.calls.push(call);
    await this.fails(call, signal);
    return call;
  }

  #source(): UpdateSource {
    return {
      check: async (_, signal) => {
        this.calls.push('check');
        await this.fails('check', signal);
        return this.offers;
      },
      fetch: async ({ release }, { folder, onProgress, signal }) => {
        await this.#call('fetch', release.manifest, signal);
        cpSync(this.folders.get(release.manifest)!, folder, { recursive: true });
        onProgress({ haveBytes: 10, totalBytes: 10, fetchedBytes: 10 });
      },
    };
  }

  #shelf(): BundleShelf {
    return {
      owned: () => Promise.resolve(undefined),
      adopt: async (digest, folder) => {
        await this.#call('adopt', digest);
        if (!this.kept.has(digest) && !existsSync(join(folder, 'manifest.json'))) {
          throw new IntentdError('bad_file', 'manifest.json is missing.');
        }
        rmSync(folder, { recursive: true, force: true });
        this.kept.add(digest);
      },
      collect: async (inFlight) => {
        await this.#call('collect', '');
        const active = [...this.serving.values()].flatMap(({ digest, previous }) => [digest, previous]);
        for (const digest of this.kept) {
          if (!active.includes(digest) && !inFlight.has(digest)) this.kept.delete(digest);
        }
      },
    };
  }

  #host(): UpdateHost {
    const measured = async (step: string, digest: string, signal: AbortSignal) =>
      this.figures(await this.#call(step, digest, signal));
    return {
      active: (family) => this.serving.get(family),
      sharesEncoder: (digest) => Promise.resolve(this.sharing.has(digest)),
      build: async (digest, onPercent, signal) => {
        onPercent(50);
        await this.#call('build', digest, signal);
      },
      stage: (digest, signal) => measured('stage', digest, signal),
      shadow: (digest, signal) => measured('shadow', digest, signal),
      activate: async (family, digest) => {
        await this.#call('activate', digest);
        const before = this.serving.get(family);
        if (before?.digest === digest) return;
        this.serving.set(family, {
          digest,
          version: this.versionOf(digest),
          previous: before?.digest ?? null,
        });
      },
      probation: (_, digest, signal) => measured('watch', digest, signal),
      rollback: async (family, digest) => {
        await this.#call('rollback', digest);
        const now = this.serving.get(family);
        if (now?.digest !== digest) return;
        if (now.previous === null) this.serving.delete(family);
        else {
          const version = this.versionOf(now.previous);
          this.serving.set(family, { digest: now.previous, version, previous: digest });
        }
      },
      discard: async (digest) => {
        await this.#call('discard', digest);
      },
      settle: (family) => this.#call('settle', this.serving.get(family)!.digest).then(() => undefined),
    };
  }
}
