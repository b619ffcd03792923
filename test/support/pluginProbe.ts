import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A build of the plugin library for this machine, and the program that talks to it. */
export interface PluginBuild {
  readonly folder: string;
  readonly library: string;
  readonly probe: string;
}

/** What the plugin answered to one command, and what it logged meanwhile. */
export interface Answer {
  readonly log: readonly string[];
  readonly ok?: boolean;
  readonly [member: string]: unknown;
}

/** A node's attributes, as fields of the probe: `heads:i=12`. */
export type Fields = Readonly<Record<string, string>>;

const root = new URL('../../', import.meta.url).pathname;
const processor = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
/** Where native code may have been built for this machine. */
export const nativeFolders: readonly string[] = (
  process.env['INTENTD_NATIVE_BUILD']?.split(':') ?? [
    'build',
    `build/check/${processor}-10`,
    `build/check/${processor}-11`,
  ]
).map((folder) => resolve(root, folder));

/** The builds that are here: for TensorRT 10, for 11, or none. */
export const pluginBuilds: readonly PluginBuild[] = nativeFolders
  .map((folder) => ({
    folder,
    library: join(folder, 'Release/libintentd_plugins.so'),
    probe: join(folder, 'test/intentd_plugin_probe'),
  }))
  .filter(({ library, probe }) => existsSync(library) && existsSync(probe));

/** Why tests of the plugin library cannot run here, or `undefined` where they can. */
export const missingPlugins =
  pluginBuilds.length > 0
    ? undefined
    : 'the plugin library is not built: npm run build:native, or native/check_compile.sh';

/** The attributes of BERT-base's attention with a window, packed, in FP16. */
export const bertBase: Fields = {
  heads: 'i=12',
  windowEachSide: 'i=64',
  globalTokens: 'i=1',
  scale: 'f=0.125',
  packed: 'i=1',
};

export const steps: Fields = { inputScale: 'f=0.04', outputScale: 'f=0.01' };

/** The command that creates a plugin: from a node, or from a plan. */
export function create(fields: Fields, from: 'node' | 'plan' = 'node'): string {
  const written = Object.entries(fields).map(([name, value]) => `${name}:${value}`);
  return ['create', from === 'node' ? 'build' : 'plan', ...written].join(' ');
}

/**
 * The answers to commands, in their order, from one process that loads the library.
 *
 * @param tensorRt libnvinfer: its registry loads the library.
 */
export function askPlugin(
  { probe, library }: PluginBuild,
  commands: readonly string[],
  tensorRt?: string,
): { answers: Answer[]; stderr: string } {
  const run = spawnSync(probe, tensorRt === undefined ? [library] : [library, tensorRt], {
    input: commands.join('\n') + '\n',
    encoding: 'utf8',
  });
  const lines = run.stdout.split('\n').filter((line) => line.startsWith('{'));
  if (run.status !== 0 || lines.length !== commands.length) {
    throw new Error(
      `The probe ended with ${run.status ?? run.signal} after ${lines.length} answers: ${run.stderr}`,
    );
  }
  return { answers: lines.map((line) => JSON.parse(line) as Answer), stderr: run.stderr };
}

/** What the last of these commands answered. */
export function lastAnswer(build: PluginBuild, ...commands: string[]): Answer {
  return askPlugin(build, commands).answers.at(-1)!;
}
