import { join } from 'node:path';
import {
  IntentdError,
  builtAtMs,
  messageOf,
  readRegularFile,
  type Clock,
  type Logger,
} from '../../base/index.js';
import type { Config } from '../../config/index.js';
import type { UpdateSource } from '../ports.js';
import { deviceKind } from './deviceKind.js';
import { openUpdateSource } from './updateSource.js';

const maxRootBytes = 512_000;
const maxCaBytes = 4 << 20;

export interface ConfiguredSourceOptions {
  readonly config: Pick<Config, 'device' | 'stateDir' | 'update'>;
  /** Instead of `update.source`: a medium that somebody brought. */
  readonly location?: string | undefined;
  /** Version of this agent. */
  readonly agent: string;
  readonly clock: Pick<Clock, 'wall'>;
  readonly log: Logger;
}

/** Folder of everything that updates keep in the state directory. */
export function updateFolder(stateDir: string): string {
  return join(stateDir, 'update');
}

/**
 * The source of updates that the configuration names.
 *
 * @throws IntentdError `no_source` where none is named, `no_root` where its root of trust cannot be read,
 *   `bad_source`, `bad_file`
 */
export async function openConfiguredSource(options: ConfiguredSourceOptions): Promise<UpdateSource> {
  const { config, agent, clock, log } = options;
  const { update } = config;
  const location = options.location ?? update.source;
  if (location === undefined) {
    throw new IntentdError(
      'no_source',
      'No repository is named: set update.source, or name a folder with --from.',
    );
  }
  const http = {
    ca: update.caFile === undefined ? undefined : await readText(update.caFile),
    proxy: update.proxy,
    allowHttp: update.allowHttp,
  };
  return openUpdateSource({
    location,
    channel: update.channel,
    folder: updateFolder(config.stateDir),
    installedRoot: await readRoot(update.rootFile),
    builtAtMs: builtAtMs(),
    device: { id: config.device, kind: deviceKind(), agent },
    clock,
    log,
    limits: {
      maxBundleBytes: update.maxMegabytes * 1e6,
      checkMs: update.checkSeconds * 1000,
      fetchMs: update.fetchMinutes * 60_000,
      stallMs: update.stallSeconds * 1000,
    },
    http,
  });
}

async function readText(path: string): Promise<string> {
  return Buffer.from(await readRegularFile(path, { maxBytes: maxCaBytes })).toString('utf8');
}

async function readRoot(path: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(path, { maxBytes: maxRootBytes });
  } catch (cause) {
    throw new IntentdError(
      'no_root',
      `The root of trust cannot be read (${messageOf(cause).replace(/\.$/, '')}): copy metadata/1.root.json of your repository there, or name it with update.rootFile.`,
      { cause },
    );
  }
}
