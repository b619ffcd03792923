import { join } from 'node:path';
import { IntentdError, messageOf, type Clock, type Logger } from '../../base/index.js';
import type { Config } from '../../config/index.js';
import {
  Downloads,
  Schedule,
  Updates,
  openConfiguredSource,
  openJournal,
  updateFolder,
  type Asker,
  type Ended,
  type UpdateHost,
  type UpdateView,
  type Wish,
} from '../../update/index.js';
import type { ActiveModels } from '../activeModels.js';
import type { BundleStore } from '../bundleStore.js';
import type { Models } from '../models.js';
import { UpdateShelf } from './shelf.js';

export interface AgentUpdatesParts {
  readonly config: Config;
  /** Version of the agent. */
  readonly agent: string;
  readonly models: Models;
  readonly active: ActiveModels;
  readonly store: BundleStore;
  readonly host: UpdateHost;
  readonly onChange: (view: UpdateView) => void;
  readonly onEnded: (ended: Ended) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A wish that was taken, and what becomes of it. */
export interface Requested {
  readonly id: number;
  readonly ended: Promise<Ended>;
}

const hourMs = 3600_000;
/** How long stopping waits for an act that is being done; the next start repeats it. */
const stopMs = 1500;

/** The updates of an agent: on a schedule, by command, over MQTT; gone on with after a restart. */
export class AgentUpdates {
  readonly #parts: AgentUpdatesParts;
  readonly #listeners = new Set<() => void>();
  #updates: Updates | undefined;
  #schedule: Schedule | undefined;
  #reason = 'the agent is starting';

  constructor(parts: AgentUpdatesParts) {
    this.#parts = parts;
  }

  /** Bundles that are kept for an update that is under way. */
  get inFlight(): ReadonlySet<string> {
    return this.#updates?.inFlight ?? new Set();
  }

  /** Ids of the bundles that are kept up to date. */
  get families(): readonly string[] {
    const { families } = this.#parts.config.update;
    return families.length > 0 ? families : this.#parts.models.loaded.map(({ name }) => name);
  }

  get view(): UpdateView {
    return this.#running.view;
  }

  /** Reads what is under way, before anything is tidied up; without it the agent serves, and takes no updates. */
  async open(): Promise<void> {
    const { clock, config, log, onEnded } = this.#parts;
    const folder = updateFolder(config.stateDir);
    try {
      this.#updates = new Updates({
        journal: await openJournal(join(folder, 'journal.db'), log),
        sourceFor: (from) => this.#sourceFor(from),
        host: this.#parts.host,
        shelf: this.#makeShelf(),
        downloads: new Downloads(join(folder, 'download')),
        onChange: () => {
          this.#tell();
        },
        onEnded,
        clock,
        log,
      });
    } catch (error) {
      this.#reason = messageOf(error);
      log.error({ reason: this.#reason }, 'updates are off: their journal cannot be opened');
    }
  }

  /** Goes on with what was under way, and begins to look for updates; the models must serve. */
  start(): void {
    if (this.#updates === undefined) return;
    this.#updates.start();
    this.#tell();
    const { source, checkHours, automatic } = this.#parts.config.update;
    if (source === undefined || checkHours === 0) return;
    const check = async (): Promise<boolean> => {
      const { outcome } = await this.check('schedule', { install: automatic }).ended;
      return outcome !== 'failed';
    };
    const onRefused = (error: unknown): void => {
      this.#parts.log.warn({ reason: messageOf(error) }, 'updates could not be looked for');
    };
    this.#schedule = new Schedule({ everyMs: checkHours * hourMs, check, onRefused });
    this.#schedule.start();
  }

  /** @throws IntentdError `updates_off`, `overloaded`, `disk_full`, `stopping` */
  request(wish: Wish): Requested {
    return this.#running.request(wish);
  }

  /**
   * Looks for newer releases of everything that is kept up to date.
   *
   * @param from folder of a repository on this device; the configured source if absent
   * @throws IntentdError as `request`
   */
  check(by: Asker, { from = null, install = false }: { from?: string | null; install?: boolean }): Requested {
    return this.request({ kind: 'check', by, families: this.families, from, install });
  }

  /**
   * Takes the bundle of a family back for the one before it.
   *
   * @throws IntentdError as `request`; `no_previous`, `unknown_model`
   */
  rollBack(family: string, by: Asker): Requested {
    const active = this.#parts.host.active(family);
    if (active === undefined) throw new IntentdError('unknown_model', `No bundle serves as ${family}.`);
    if (active.previous === null) {
      throw new IntentdError('no_previous', `No bundle served as ${family} before ${active.version}.`);
    }
    const { digest, version } = active;
    return this.request({ kind: 'rollback', by, family, digest, version });
  }

  history(limit: number): Ended[] {
    return this.#running.history(limit);
  }

  /** Calls back at every change, until the returned function is called. */
  listen(heard: () => void): () => void {
    this.#listeners.add(heard);
    return () => this.#listeners.delete(heard);
  }

  /** Lets go of what is being done, for the next start to go on with. */
  async stop(): Promise<void> {
    this.#schedule?.stop();
    if (this.#updates === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, stopMs)));
    await Promise.race([this.#updates.stop(), late]);
    clearTimeout(timer);
  }

  get #running(): Updates {
    if (this.#updates !== undefined) return this.#updates;
    throw new IntentdError('updates_off', `Updates are not possible: ${this.#reason}.`);
  }

  #tell(): void {
    if (this.#updates === undefined) return;
    this.#parts.onChange(this.#updates.view);
    for (const heard of this.#listeners) heard();
  }

  #sourceFor(from: string | null) {
    const { agent, clock, config, log } = this.#parts;
    return openConfiguredSource({ config, location: from ?? undefined, agent, clock, log });
  }

  #makeShelf(): UpdateShelf {
    const { active, models, store } = this.#parts;
    // The configured bundles too: an encoder that was shipped need not travel.
    const folders = (): string[] => [
      ...models.loaded.map(({ identity }) => identity.folder),
      ...active.digests.map((digest) => store.folderOf(digest)),
    ];
    return new UpdateShelf(store, folders, () => models.tidy());
  }
}
